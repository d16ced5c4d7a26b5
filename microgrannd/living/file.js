// The model file that Python reads: JSON under a format, a version and a checksum over the content as Python writes it.
const pythonFloat = (x) => {
  if (!Number.isFinite(x)) return x > 0 ? "Infinity" : x < 0 ? "-Infinity" : "NaN";
  if (Object.is(x, -0)) return "-0.0";
  const [digits, power] = x.toExponential().split("e"), exponent = Number(power);
  if (x !== 0 && (exponent < -4 || exponent >= 16)) return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  const text = exponent < -6 || exponent > 20 ? BigInt(x).toString() : String(x);
  return text.includes(".") ? text : `${text}.0`;
};
const ascii = (text) => JSON.stringify(text).replace(/[\u007f-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
// Floats are marked, as { float: x }: other numbers are whole.
const pythonJson = (thing, sorted) => {
  if (Array.isArray(thing)) return `[${thing.map((one) => pythonJson(one, sorted)).join(",")}]`;
  if (thing !== null && typeof thing === "object") {
    if (typeof thing.float === "number") return pythonFloat(thing.float); // the parameter of that name is an object
    const names = Object.keys(thing);
    if (sorted) names.sort((a, b) => { const x = [...a].map((c) => c.codePointAt(0)), y = [...b].map((c) => c.codePointAt(0)); const i = x.findIndex((c, k) => c !== y[k]); return i < 0 ? x.length - y.length : y[i] === undefined ? 1 : x[i] - y[i]; });
    return `{${names.map((name) => `${ascii(name)}:${pythonJson(thing[name], sorted)}`).join(",")}}`;
  }
  return typeof thing === "string" ? ascii(thing) : JSON.stringify(thing);
};
// SHA-256 (FIPS 180-4) of text that is ASCII: where a page has no address, browsers withhold theirs.
const sha256 = (text) => {
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const part = (x) => Math.floor((x - Math.floor(x)) * 2 ** 32) | 0;
  const k = primes.map((p) => part(Math.cbrt(p))), h = primes.slice(0, 8).map((p) => part(Math.sqrt(p)));
  const length = text.length, words = new Int32Array((((length + 8) >> 6) + 1) * 16);
  for (let i = 0; i < length; i++) words[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i % 4));
  words[length >> 2] |= 0x80 << (24 - 8 * (length % 4));
  words[words.length - 2] = Math.floor((length * 8) / 2 ** 32);
  words[words.length - 1] = length * 8;
  const turn = (x, n) => (x >>> n) | (x << (32 - n));
  for (let first = 0; first < words.length; first += 16) {
    const w = [...words.slice(first, first + 16)];
    for (let i = 16; i < 64; i++) {
      const a = w[i - 15], b = w[i - 2];
      w[i] = (w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + w[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10))) | 0;
    }
    let [a, b, c, d, e, f, g, last] = h;
    for (let i = 0; i < 64; i++) {
      const one = (last + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [last, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, last].forEach((x, i) => { h[i] = (h[i] + x) | 0; });
  }
  return h.map((x) => (x >>> 0).toString(16).padStart(8, "0")).join("");
};
const modelFile = (file, weights) => {
  const { kind, options, state } = file;
  const numbers = Object.fromEntries(state.map(([name, place, fixed]) => [name, { float: place === null ? fixed : weights[place] }]));
  const content = { model: { kind, options, state: numbers }, ...(file.task ? { task: file.task } : {}) };
  const checksum = sha256(pythonJson(content, true));
  return `{"format":"microgrannd","version":1,"checksum":"${checksum}","content":${pythonJson(content, false)}}\n`;
};
