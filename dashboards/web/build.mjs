// Bundles the islands and the style sheet into dist/, under names that carry
// their hash, and writes manifest.json, which maps plain names to hashed ones.
import { build } from "esbuild";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = join(here, "dist");

await mkdir(dist, { recursive: true });
for (const name of await readdir(dist)) {
  if (name !== ".keep") await rm(join(dist, name), { recursive: true });
}

const result = await build({
  absWorkingDir: here,
  entryPoints: { app: "src/app.ts", style: "src/app.css", icon: "src/icon.svg" },
  outdir: dist,
  entryNames: "[name]-[hash]",
  loader: { ".svg": "copy" },
  bundle: true,
  minify: true,
  metafile: true,
  format: "esm",
  target: ["es2022"],
  legalComments: "eof",
  logLevel: "warning",
});

const manifest = {};
for (const [path, out] of Object.entries(result.metafile.outputs)) {
  if (!out.entryPoint && !path.endsWith(".svg")) continue;
  const file = basename(path);
  manifest[file.replace(/-[A-Z0-9]{8}(\.\w+)$/, "$1")] = file;
}
for (const want of ["app.js", "style.css", "icon.svg"]) {
  if (!manifest[want]) throw new Error(`the build made no ${want}; it made ${Object.keys(manifest)}`);
}
await writeFile(join(dist, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
