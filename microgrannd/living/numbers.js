// Four significant digits, as Python's format .4g, and a minus sign as printers set it, which 0 does not have, as in all of the library's pictures.
const shown = (x) => {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "−inf";
  const [digits, power] = x.toExponential(3).split("e"), exponent = Number(power), short = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  const text = exponent < -4 || exponent >= 4 ? `${short(digits)}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}` : short(x.toFixed(3 - exponent));
  return text.replaceAll("-", "−");
};
const factor = (x) => (x < 0 ? `(${shown(x)})` : shown(x)); // after a sign
