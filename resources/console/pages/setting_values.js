/** Between the value of a setting and the text that a field holds. */

/** @typedef {import("../lib/types").SettingField} SettingField */
/** @typedef {import("../lib/types").SettingValue} SettingValue */

/** @param {SettingValue} value */
const textOf = (value) => (Array.isArray(value) ? value.join("\n") : String(value ?? ""));

/** The value as a field shows it; a list has one entry a line. @param {SettingField} field */
export const shownValue = (field) => textOf(field.value);

/** The default, as a field shows it. @param {SettingField} field */
export const shownDefault = (field) => textOf(field.default);

/**
 * What was typed as a value, or what is wrong with it. Everything else is checked by the peer.
 * @param {SettingField} field @param {string} typed @returns {{ value?: SettingValue, problem?: string }}
 */
export function parsed(field, typed) {
  switch (field.type) {
    case "integer":
      return /^\s*-?\d{1,15}\s*$/.test(typed) ? { value: Number(typed) } : { problem: "Give a whole number." };
    case "boolean":
      return { value: typed === "true" };
    case "list":
      return { value: typed.split("\n").map((line) => line.trim()).filter(Boolean) };
    default:
      return { value: field.secret ? typed : typed.trim() };
  }
}

/** "Between 1 and 65535", "At least 1" @param {SettingField} field */
export function limits({ min, max }) {
  const low = min ?? null;
  const high = max ?? null;
  if (low !== null && high !== null) return `Between ${low} and ${high}.`;
  if (low !== null) return `At least ${low}.`;
  return high !== null ? `At most ${high}.` : "";
}
