// Draws one frame of each file that standard input names: "file, tab, frame from 0, tab, raw file to write": width and
// height as 32-bit numbers, then RGBA.
const fs = require("fs");
const path = require("path");
const modules = process.argv[2];
const { DicomImage, NativePixelDecoder } = require(path.join(modules, "dcmjs-imaging"));

async function main() {
  await NativePixelDecoder.initializeAsync();
  for (const line of fs.readFileSync(0, "utf8").split("\n").filter(Boolean)) {
    const [file, frame, output] = line.split("\t");
    try {
      const bytes = fs.readFileSync(file);
      const image = new DicomImage(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
      const drawn = image.render({ frame: Number(frame), renderOverlays: false });
      const size = Buffer.alloc(8);
      size.writeUInt32LE(drawn.width, 0);
      size.writeUInt32LE(drawn.height, 4);
      fs.writeFileSync(output, Buffer.concat([size, Buffer.from(drawn.pixels)]));
    } catch (refused) {
      console.error(`${file}: ${refused.message}`);
    }
  }
}

main();
