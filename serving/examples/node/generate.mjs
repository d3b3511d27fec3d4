// node generate.mjs bag 4 [model]      Writes bag-0.png to bag-3.png. Reads SERVER and ZOO_API_KEY from the environment.
import { writeFile } from "node:fs/promises";
import { ZooClient } from "./zoo-client.mjs";

const [category, count, model] = process.argv.slice(2);
const client = new ZooClient(process.env.SERVER, { apiKey: process.env.ZOO_API_KEY });
const pngs = await client.generate([...Array(Number(count)).keys()], { category }, model);
for (const [seed, png] of pngs.entries()) {
  await writeFile(`${category}-${seed}.png`, png);
  console.log(`Wrote ${category}-${seed}.png`);
}
