// shoot.mjs PLAN.json PICTURE.png: draws one dashboard in Chromium, and prints what failed.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { chromium } from "playwright-core";

const [plan, picture] = [JSON.parse(readFileSync(process.argv[2], "utf8")), process.argv[3]];
const page = '<html><head><meta charset="utf-8"><link rel="icon" href="data:,"><link rel="stylesheet" href="draw.css"></head><body style="margin:0"><div id="root"></div><script src="draw.js"></script></body></html>';
const types = { js: "text/javascript", css: "text/css" };
const server = createServer(({ url }, answer) => {
  const file = url.slice(1);
  answer.setHeader("content-type", types[file.split(".").pop()] ?? "text/html");
  // Fonts are not among what is built.
  answer.end(url === "/" ? page : Object.keys(types).some((type) => file === `draw.${type}`) && existsSync(file) ? readFileSync(file) : "");
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const tab = await browser.newPage({ viewport: { width: plan.width, height: 1000 } });
tab.setDefaultTimeout(120_000);
const failed = [];
tab.on("pageerror", (error) => failed.push(String(error.stack)));
await tab.goto(`http://127.0.0.1:${server.address().port}/`);
await tab.evaluate((plan) => window.draw(plan), plan);
const lines = plan.panels.filter(({ panel, results }) => panel.type === "timeseries" && results.some((series) => series.length)).length;
await tab.waitForFunction((lines) => document.querySelectorAll("canvas").length >= lines, lines);
failed.push(...(await tab.$$eval(".failed", (all) => all.map((one) => one.textContent))));
await tab.screenshot({ path: picture, fullPage: true });
await browser.close();
server.close();
console.log(failed.length ? failed.join("\n") : `${plan.panels.length} panels in ${picture}`);
process.exitCode = failed.length ? 1 : 0;
