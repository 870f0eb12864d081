// Quantizes a PNG: 256 colours are enough for lines and letters on a dark ground.
"use strict";

const zlib = require("zlib");

const kSignature = Buffer.from("89504e470d0a1a0a", "hex");

function* chunksOf(png) {
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    yield [png.toString("latin1", at + 4, at + 8), png.subarray(at + 8, at + 8 + length)];
    at += 12 + length;
  }
}

const kCrc = Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  let crc = 0xffffffff;
  for (const byte of body) crc = kCrc[(crc ^ byte) & 255] ^ (crc >>> 8);
  const out = Buffer.alloc(8 + body.length);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(~crc >>> 0, out.length - 4);
  return out;
}

// {width, height, bytes a pixel, pixels} of a PNG with 8 bits a channel, not interlaced, without a palette.
function decode(png) {
  const parts = [...chunksOf(png)];
  const header = parts.find(([type]) => type === "IHDR")[1];
  const width = header.readUInt32BE(0), height = header.readUInt32BE(4), size = { 2: 3, 6: 4 }[header[9]];
  if (header[8] !== 8 || size === undefined || header[12] !== 0) throw new Error("want a PNG of 8-bit colours, not interlaced");
  const packed = zlib.inflateSync(Buffer.concat(parts.filter(([type]) => type === "IDAT").map(([, data]) => data)));
  const stride = width * size, pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = packed[y * (stride + 1)];
    for (let i = 0; i < stride; i++) {
      const left = i >= size ? pixels[y * stride + i - size] : 0;
      const up = y > 0 ? pixels[(y - 1) * stride + i] : 0;
      const corner = i >= size && y > 0 ? pixels[(y - 1) * stride + i - size] : 0;
      let guess = 0;
      if (filter === 1) guess = left;
      if (filter === 2) guess = up;
      if (filter === 3) guess = (left + up) >> 1;
      if (filter === 4) {  // Paeth: whichever neighbour is nearest to left + up - corner.
        const p = left + up - corner, a = Math.abs(p - left), b = Math.abs(p - up), c = Math.abs(p - corner);
        guess = a <= b && a <= c ? left : b <= c ? up : corner;
      }
      pixels[y * stride + i] = packed[y * (stride + 1) + 1 + i] + guess;
    }
  }
  return { width, height, size, pixels };
}

// Opaque pixels, reduced to the most frequent colours and those nearest to the rest.
function withPalette(png) {
  const { width, height, size, pixels } = decode(png);
  const counts = new Map();
  const colorAt = (i) => pixels[i] << 16 | pixels[i + 1] << 8 | pixels[i + 2];
  for (let i = 0; i < pixels.length; i += size) counts.set(colorAt(i), (counts.get(colorAt(i)) ?? 0) + 1);
  const apart = (a, b) => Math.max(Math.abs((a >> 16) - (b >> 16)), Math.abs((a >> 8 & 255) - (b >> 8 & 255)), Math.abs((a & 255) - (b & 255)));
  // Areas keep their colours. Of the rest, which is the soft edges of lines and letters, a shade close to one that is
  // in the palette takes no place of its own; closer and closer ones do while places are left.
  const byCount = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
  const palette = byCount.slice(0, 80);
  for (const distance of [24, 12, 6, 1]) {
    for (const color of byCount) {
      if (palette.length < 256 && palette.every((kept) => apart(kept, color) >= distance)) palette.push(color);
    }
  }
  const nearest = new Map();
  for (const color of byCount) {
    let best = 0;
    palette.forEach((kept, i) => { if (apart(kept, color) < apart(palette[best], color)) best = i; });
    nearest.set(color, best);
  }
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = nearest.get(colorAt((y * width + x) * size));
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([kSignature, chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flatMap((color) => [color >> 16, color >> 8 & 255, color & 255]))),
    chunk("IDAT", zlib.deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}

module.exports = { withPalette };
