/** Asking the console server: JSON in, JSON out, and every failure as one kind of error with words for the user. */

/** @typedef {import("./types").Problem} Problem */

const SECONDS = 30;

/** What went wrong, in words to show. `status` 0 means that the peer did not answer at all. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {{ title?: string, message?: string, hint?: string }} words
   * @param {Problem[]} problems what is wrong with which setting
   */
  constructor(status, words, problems = []) {
    super(words.message ?? "");
    this.status = status;
    this.title = words.title || "That did not work";
    this.hint = words.hint ?? "";
    this.problems = problems;
  }

  /** Title, message and hint as one text. */
  get text() {
    const more = [this.message, this.hint].filter(Boolean).join(" ");
    return more ? `${this.title}: ${more}` : this.title;
  }
}

const NO_ANSWER = {
  title: "This peer does not answer",
  message: "It was stopped, or it is busy.",
  hint: "Try again when it runs.",
};

/**
 * Any thrown thing as an ApiError; what is not one is a bug of this page and says so.
 * @param {unknown} error
 */
export function asApiError(error) {
  if (error instanceof ApiError) return error;
  return new ApiError(-1, { title: "The console has a bug", message: String(error), hint: "Reload the page." });
}

/**
 * The error that an answer which is not 2xx stands for.
 * @param {number} status
 * @param {string} text
 */
export function errorOf(status, text) {
  if (status === 401) {
    return new ApiError(401, { title: "You are not signed in", message: "This console's link no longer holds." });
  }
  try {
    const body = JSON.parse(text);
    return new ApiError(status, body.error ?? {}, body.problems ?? body.error?.problems ?? []);
  } catch {
    return new ApiError(status, { title: "That did not work", message: `The peer answered ${status}.` });
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{ body?: BodyInit, type?: string, seconds?: number, headers?: Record<string, string> }} options
 */
async function ask(method, path, { body, type, seconds = SECONDS, headers: more = {} } = {}) {
  /** @type {Record<string, string>} */
  const headers = { ...more };
  if (method !== "GET") headers["X-Goop2"] = "1";
  if (type) headers["Content-Type"] = type;
  let answer;
  let text;
  try {
    const signal = AbortSignal.timeout(seconds * 1000);
    answer = await fetch(path, { method, headers, body: body ?? null, signal, credentials: "same-origin" });
    text = await answer.text();
  } catch {
    throw new ApiError(0, NO_ANSWER);
  }
  if (!answer.ok) throw errorOf(answer.status, text);
  if (!text) return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(answer.status, { message: "The peer's answer could not be read." });
  }
}

/** @param {string} path @returns {Promise<any>} */
export const get = (path) => ask("GET", path);

/** @param {string} path @param {unknown} data @returns {Promise<any>} */
export const post = (path, data = {}) => ask("POST", path, { body: JSON.stringify(data), type: "application/json" });

/** @param {string} path @returns {Promise<any>} */
export const remove = (path) => ask("DELETE", path, { body: "{}", type: "application/json" });

/** @param {string} path @param {Blob} data @returns {Promise<any>} */
export const put = (path, data) => ask("PUT", path, { body: data, type: "application/octet-stream", seconds: 120 });

/** @param {Record<string, string | number>} values */
export const query = (values) =>
  new URLSearchParams(Object.entries(values).map(([key, value]) => [key, String(value)])).toString();

/**
 * Send a file with progress.
 * @param {string} path
 * @param {Blob} data
 * @param {(part: number) => void} progress gets 0…1
 * @returns {{ done: Promise<void>, cancel: () => void }}
 */
export function upload(path, data, progress) {
  const request = new XMLHttpRequest();
  /** @type {Promise<void>} */
  const done = new Promise((resolve, reject) => {
    request.open("PUT", path);
    request.setRequestHeader("X-Goop2", "1");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => progress(event.total ? event.loaded / event.total : 1);
    request.onload = () =>
      request.status >= 200 && request.status < 300
        ? resolve()
        : reject(errorOf(request.status, request.responseText));
    request.onerror = () => reject(new ApiError(0, NO_ANSWER));
    request.onabort = () => reject(new ApiError(-2, { title: "Cancelled" }));
    request.send(data);
  });
  return { done, cancel: () => request.abort() };
}
