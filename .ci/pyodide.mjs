// pytest in Pyodide: node pyodide.mjs WHEELS PROJECT ARGUMENT...
// installs the wheels of a folder, and runs the tests of a project, but not its package, with pytest's arguments.
import { readFileSync, readdirSync } from "node:fs";
import { loadPyodide } from "pyodide";

const [wheels, project, ...options] = process.argv.slice(2);
try {
  const python = await loadPyodide({ env: { HOME: "/home/pyodide", PYTHONDONTWRITEBYTECODE: "1" } });
  const files = readdirSync(wheels).map((name) => `${wheels}/${name}`);
  await python.loadPackage(files, { messageCallback: () => {} });
  for (const name of ["setup.cfg", "README.md"]) python.FS.writeFile(name, readFileSync(`${project}/${name}`));
  for (const name of ["tests", "notebooks"]) python.mountNodeFS(name, `${project}/${name}`);
  process.exitCode = python.runPython("import pytest; int(pytest.main(options))", {
    globals: python.toPy({ options, __name__: "__main__" }),
  });
} catch (error) {
  console.error(error.message); // Node itself would print the line of code too: all of Pyodide
  process.exitCode = 1;
}
