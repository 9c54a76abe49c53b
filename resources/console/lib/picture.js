/** Makes an avatar of any picture: square, small, PNG. */
import { ApiError } from "./api.js";

const SIDE = 256; // px
const MOST = 256 * 1024; // bytes that a peer takes

/**
 * The middle of the picture as a square of 256 px. Raises an ApiError if the file is no picture.
 * @param {File} file
 * @returns {Promise<Blob>}
 */
export async function squareOf(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    const message = "The browser cannot read this file as a picture.";
    throw new ApiError(-3, { title: "The picture was not changed", message, hint: "Choose a PNG, JPEG or WebP file." });
  }
  const side = Math.min(bitmap.width, bitmap.height);
  const canvas = document.createElement("canvas");
  canvas.width = SIDE;
  canvas.height = SIDE;
  const context = canvas.getContext("2d");
  if (context) {
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, SIDE, SIDE);
  }
  bitmap.close();
  const blob = await encoded(canvas, "image/png");
  return blob.size <= MOST ? blob : encoded(canvas, "image/jpeg");
}

/** @param {HTMLCanvasElement} canvas @param {string} type @returns {Promise<Blob>} */
const encoded = (canvas, type) =>
  new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), type, 0.9);
  });
