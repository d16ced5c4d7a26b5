// What the formulas of Python call and JavaScript does not have. A module gets what it uses of it: a declaration begins
// a paragraph, after its comment, and uses others by their names.

// End a program, where an operation has no value: the row, what is needed, and the operands by name.
function refuse(row, text, ...operands) {
  const given = operands.map((part, i) => (i % 2 ? ` = ${part}` : `${i ? "," : ", got"} ${part}`)).join("");
  throw new RangeError(`row ${row}: ${text}${given}`);
}

// Functions that are infinite at a pole, and elsewhere only where a number is too large.
const POLES = new Set([Math.log, Math.log2, Math.log10, Math.log1p, Math.atanh, logBase]);

// Call a function, and refuse what Python's own refuses.
function sure(row, f, ...xs) {
  const y = f(...xs);
  if (Number.isFinite(y)) return y;
  const floats = xs.flat();
  const pole = Math.abs(y) === Infinity && POLES.has(f) && floats.every(Number.isFinite);
  if (pole || (Number.isNaN(y) && !floats.some(Number.isNaN))) refuse(row, `${f.name}(${floats}) has no value`);
  return y;
}

// Divide, where Python refuses 0 as divisor.
function divided(row, f, a, b) {
  return Number(b) === 0 ? refuse(row, `${a} is divided by 0`) : f(a, b);
}

function quotient(a, b) {
  return a / b;
}

// Raise to a power, where Python refuses a negative one of 0.
function raised(row, a, b) {
  return Number(a) === 0 && b < 0 && b !== -Infinity ? refuse(row, `${a} to the power ${b} has no value`) : sure(row, power, a, b);
}

function real(x) {
  return Number(x);
}

function isInfinite(x) {
  return Math.abs(x) === Infinity;
}

function requireParameters(parameters, needed) {
  if (parameters.length !== needed) throw new RangeError(`${needed} parameters are needed, got ${parameters.length}`);
}

function requireRows(rows) {
  if (!rows.length) throw new RangeError("backward needs at least one row for the mean, got none");
}

// Numbers of a memory, so many from a first one on at a stride; and what is added to such ones.
function gather(memory, first, stride, length) {
  const found = new Array(length);
  for (let k = 0; k < length; k++) found[k] = memory[first + stride * k];
  return found;
}

function scatter(memory, first, stride, shares) {
  for (let k = 0; k < shares.length; k++) memory[first + stride * k] += shares[k];
}

// a ** b as IEEE 754 has it: 1 to any power is 1, and so is −1 to an infinite one.
function power(a, b) {
  return Number(a) === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;
}

function copysign(a, b) {
  return b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a);
}

// The remainder of the division rounded down.
function modulo(a, b) {
  const rest = a % b;
  if (rest === 0) return copysign(0, b);
  return b < 0 !== rest < 0 ? rest + b : rest;
}

// The quotient rounded down, exactly.
function floorDivide(a, b) {
  if (b === 0) return a / b;
  const rest = a % b;
  const whole = (a - rest) / b - (rest && b < 0 !== rest < 0 ? 1 : 0);
  if (whole === 0) return copysign(0, a / b);
  return Math.floor(whole) + (whole - Math.floor(whole) > 0.5 ? 1 : 0);
}

function fmod(a, b) {
  return a % b;
}

// The remainder of the division rounded to the nearest whole number, exactly.
function remainder(a, b) {
  if (Math.abs(b) === Infinity) return Math.abs(a) === Infinity ? NaN : a;
  const size = Math.abs(a), divisor = Math.abs(b), rest = size % divisor, other = divisor - rest;
  const half = () => rest - 2 * ((0.5 * (size - rest)) % divisor);
  const least = rest < other ? rest : rest > other ? -other : half();
  return copysign(1, a) * least;
}

function exp2(x) {
  return 2 ** x;
}

function logBase(x, base) {
  return Math.log(x) / Math.log(base);
}

function degrees(x) {
  return x * (180 / Math.PI);
}

function radians(x) {
  return x * (Math.PI / 180);
}

function mul(a, b) {
  return a * b;
}

// Python's max and min keep the first of equal elements, and the first one where it is nan; a truth is a number.
function max(...xs) {
  const all = xs.length === 1 ? xs[0] : xs;
  let found = all[0];
  for (const x of all) if (x > found) found = x;
  return Number(found);
}

function min(...xs) {
  const all = xs.length === 1 ? xs[0] : xs;
  let found = all[0];
  for (const x of all) if (x < found) found = x;
  return Number(found);
}

function sum(xs, start = 0) {
  let found = start;
  for (const x of xs) found += x;
  return found;
}

function prod(xs) {
  let found = 1;
  for (const x of xs) found *= x;
  return found;
}

function dot(ws, xs, start = 0) {
  let found = start;
  for (let i = 0; i < ws.length; i++) found += ws[i] * xs[i];
  return found;
}

function dist(ps, qs) {
  return Math.hypot(...ps.map((p, i) => p - qs[i]));
}

function map(f, ...rows) {
  return rows[0].map((_, i) => f(...rows.map((row) => row[i])));
}

function zip(...rows) {
  return rows[0].map((_, i) => rows.map((row) => row[i]));
}

function repeat(xs, times) {
  return Array.from({ length: times }).flatMap(() => xs);
}

function element(xs, index) {
  if (index >= 0 && index < xs.length && Number.isInteger(index)) return xs[index];
  throw new RangeError(`lookup needs a whole number from 0 to ${xs.length - 1}, got ${index}`);
}

function oneHot(index, length) {
  return Array.from({ length }, (_, i) => (i === index ? 1 : 0));
}

// The sum, rounded once (Shewchuk 1997): parts that do not overlap, from the least.
function fsum(xs) {
  const parts = [];
  if (!xs.every(Number.isFinite)) return sum(xs);
  for (let x of xs) {
    let kept = 0;
    for (let y of parts) {
      if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
      const high = x + y, low = y - (high - x);
      if (low) parts[kept++] = low;
      x = high;
    }
    parts.length = kept;
    if (x) parts.push(x);
    if (!Number.isFinite(x)) return fsum(Array.from(xs, (one) => one * 2 ** -64)) * 2 ** 64;
  }
  let high = parts.pop() ?? 0, low = 0;
  while (parts.length && !low) {
    const x = high, y = parts.pop();
    high = x + y;
    low = y - (high - x);
  }
  if (low && parts.length && low < 0 === parts.at(-1) < 0) { // halfway, but for what is left
    const further = high + 2 * low;
    if (2 * low === further - high) high = further;
  }
  return high;
}

function polynomial(coefficients, x) {
  return coefficients.reduceRight((value, coefficient) => value * x + coefficient, 0);
}

// exp(-x * x), where x * x would be rounded.
function bell(x) {
  const high = Math.fround(x);
  return Math.exp(-high * high) * Math.exp((high - x) * (high + x));
}

// Error function, by DLMF 7.6.2 near 0: all its terms have one sign.
function erf(x) {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) >= 1) return Math.sign(x) * (1 - erfc(Math.abs(x)));
  let term = x, total = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) total += term *= (2 * x * x) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}

// 1 - erf(x): the trapezoidal rule for an integral, with what its pole adds (Chiarella and Reichel 1968).
function erfc(x) {
  if (Number.isNaN(x)) return x;
  if (x < 0.5) return 1 - erf(x);
  if (x > 28) return 0;
  const h = 0.5;
  let total = 1 / (x * x);
  for (let n = 1; n <= 13; n++) total += (2 * Math.exp(-n * n * h * h)) / (x * x + n * n * h * h);
  const pole = x < Math.PI / h ? 2 / Math.expm1((2 * Math.PI * x) / h) : 0;
  return ((h * x) / Math.PI) * bell(x) * total - pole;
}

// sin(πx), exactly 0 at whole numbers.
function sinpi(x) {
  const r = remainder(x, 2), size = Math.abs(r);
  const y = size <= 0.25 ? Math.sin(Math.PI * size) : size <= 0.75 ? Math.cos(Math.PI * (size - 0.5)) : Math.sin(Math.PI * (1 - size));
  return copysign(y, r);
}

// Bernoulli's numbers B₂, B₄, ..., B₂₀.
const BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330];

// What Stirling's formula leaves of the logarithm of the gamma function, from 10 on (DLMF 5.11.1).
function stirling(x) {
  return BERNOULLI.reduce((total, b, k) => total + b / ((2 * k + 2) * (2 * k + 1)) / x ** (2 * k + 1), 0);
}

function gamma(x) {
  if (x <= 0 && (Number.isInteger(x) || x === -Infinity)) return NaN;
  if (!Number.isFinite(x)) return x;
  if (x > 172) return Infinity;
  if (x < 0.5) return Math.PI / sinpi(x) / gamma(1 - x);
  let product = 1;
  if (Number.isInteger(x)) {
    for (let k = 2; k < x; k++) product *= k;
    return product;
  }
  for (; x < 10; x++) product *= x;
  const half = x ** ((x - 0.5) / 2); // the square is too large too early
  return (((Math.sqrt(2 * Math.PI) * half * Math.exp(-x)) / product) * Math.exp(stirling(x))) * half;
}

// The logarithm of the gamma function at 2 + d, by its Taylor series.
const AT_TWO = Array.from({ length: 30 }, (_, k) => ((-1) ** k * factorialZeta(k + 1, 2)) / gamma(k + 3));

function nearTwo(d) {
  return d * (0.42278433509846713 + d * polynomial(AT_TWO, d)); // 1 - Euler's constant
}

function lgamma(x) {
  if (Math.abs(x) === Infinity) return Infinity;
  if (Number.isNaN(x) || (x <= 0 && Number.isInteger(x))) return NaN;
  if (x < 0.5) return Math.log(Math.PI) - Math.log(Math.abs(sinpi(x))) - lgamma(1 - x);
  if (x < 1.5) return nearTwo(x - 1) - Math.log1p(x - 1);
  if (x >= 10) return (x - 0.5) * (Math.log(x) - 1) - 0.5 + Math.log(2 * Math.PI) / 2 + stirling(x);
  let product = 1;
  while (x > 2.5) product *= --x;
  return Math.log(product) + nearTwo(x - 2);
}

// n! ζ(n + 1, x), of a positive number (DLMF 25.11.5).
function factorialZeta(n, x) {
  const s = n + 1, terms = [];
  for (; x < 10 + n; x++) terms.push(x ** -s);
  terms.push(x ** (1 - s) / (s - 1), x ** -s / 2);
  let rising = s / 2;
  BERNOULLI.forEach((b, i) => {
    if (i) rising = (((rising * (s + 2 * i - 1)) * (s + 2 * i)) / (2 * i + 1)) / (2 * i + 2);
    terms.push(b * rising * x ** (-1 - s - 2 * i));
  });
  let factor = 1;
  for (let k = 2; k < s; k++) factor *= k;
  return factor * fsum(terms);
}

// Boost's approximation of digamma(x) / (x - root) on [1, 2] (Maddock 2006), and the root in three parts.
const DIGAMMA = {
  root: [1569415565 / 2 ** 30, 381566830 / 2 ** 60, 0.9016312093258695918615325266959189453125e-19],
  offset: 0.99558162689208984375,
  above: [0.25479851061131551, -0.32555031186804491, -0.65031853770896507, -0.28919126444774784, -0.045251321448739056, -0.0020713321167745952],
  below: [1, 2.0767117023730469, 1.4606242909763515, 0.43593529692665969, 0.054151797245674225, 0.0021284987017821144, -0.55789841321675513e-6],
};

function digammaOfPositive(x) {
  if (x >= 10) return fsum([Math.log(x), -0.5 / x, ...BERNOULLI.map((b, k) => -b / (2 * k + 2) / x ** (2 * k + 2))]);
  const terms = [];
  while (x > 2) terms.push(1 / --x);
  if (x < 1) terms.push(-1 / x++);
  const { root, offset, above, below } = DIGAMMA, distance = x - root[0] - root[1] - root[2];
  return fsum([distance * offset + (distance * polynomial(above, x - 1)) / polynomial(below, x - 1), ...terms]);
}

// The n-th derivative of π cot(πx): a polynomial in the cotangent.
function cotangent(n, x) {
  let coefficients = [0, 1];
  for (let k = 0; k < n; k++) {
    const slope = coefficients.map((c, i) => i * c).slice(1), length = slope.length + 2;
    coefficients = Array.from({ length }, (_, i) => -((slope[i] ?? 0) + (slope[i - 2] ?? 0)));
  }
  return Math.PI ** (n + 1) * polynomial(coefficients, 1 / Math.tan(Math.PI * remainder(x, 1)));
}

// The n-th derivative of digamma, for a whole number n.
function polygamma(n, x) {
  if (Number.isNaN(x)) return x;
  if (x > 0) return n === 0 ? digammaOfPositive(x) : -((-1) ** n) * factorialZeta(n, x);
  if (Number.isInteger(x) || x === -Infinity) return NaN;
  return (n === 0 ? digammaOfPositive(1 - x) : -factorialZeta(n, 1 - x)) - cotangent(n, x); // DLMF 5.15.6
}

function digamma(x) {
  return polygamma(0, x);
}
