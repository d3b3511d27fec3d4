// node upscale.mjs photo.jpg large.png [model]      Reads SERVER and ZOO_API_KEY from the environment.
import { readFile, writeFile } from "node:fs/promises";
import { ZooClient } from "./zoo-client.mjs";

const [photo, target, model] = process.argv.slice(2);
const client = new ZooClient(process.env.SERVER, { apiKey: process.env.ZOO_API_KEY });
const [png] = await client.upscale([await readFile(photo)], model);
await writeFile(target, png);
console.log(`Wrote ${target}`);
