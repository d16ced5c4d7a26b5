// What both pages share: elements, numbers as text, the address, colours.
const data = JSON.parse(document.getElementById("data").textContent, (_, x) => (typeof x?.special === "string" ? Number(x.special) : x)); // inf and nan
const $ = (id) => document.getElementById(id);
const made = (name, parts = {}, ...children) => {
  const element = Object.assign(document.createElement(name), parts);
  element.append(...children);
  return element;
};
const inSvg = (name, attributes = {}) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};
const asked = (query) => { // which is slow to ask for each pixel
  const media = matchMedia(query);
  let matches = media.matches;
  media.addEventListener("change", () => { matches = media.matches; });
  return () => matches;
};
const theme = document.body.dataset.jpThemeLight; // of the page around this one, where it says
const dark = theme ? () => theme === "false" : asked("(prefers-color-scheme: dark)"), calm = asked("(prefers-reduced-motion: reduce)");
// Blue where positive, vermilion where negative (Okabe and Ito 2008), as far from the ground as the number is from 0.
const INKS = { light: { plus: [0, 114, 178], minus: [213, 94, 0], ground: [250, 250, 250] }, dark: { plus: [86, 180, 233], minus: [255, 140, 66], ground: [28, 31, 36] } };
const CLASSES = [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233], [150, 150, 150], [120, 80, 40]];
const inks = () => INKS[dark() ? "dark" : "light"];
const mixed = (a, b, share) => [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
const signed = (x) => {
  const { plus, minus, ground } = inks(), share = Number.isNaN(x) ? 0 : Math.min(1, Math.abs(x));
  return mixed(ground, x < 0 ? minus : plus, share);
};
// Colour the pixels of an image.
const painted = (image, inkOfPixel) => {
  for (let k = 0, i = 0; i < image.data.length; k++) {
    const ink = inkOfPixel(k);
    image.data[i++] = ink[0];
    image.data[i++] = ink[1];
    image.data[i++] = ink[2];
    image.data[i++] = 255;
  }
  return image;
};
const css = (ink) => `rgb(${ink.map(Math.round).join(" ")})`;
// The state in the address, so that a link opens the page as it is; a frame of a notebook has none.
const address = () => new URLSearchParams(location.hash.slice(1));
const remember = (state) => {
  const parts = new URLSearchParams(Object.entries(state).filter(([, value]) => value !== "" && value !== null && value !== undefined));
  if (!/^(https?|file):$/.test(location.protocol)) return;
  history.replaceState(null, "", `#${parts}`);
};
const packed = (numbers) => {
  const bytes = new Uint8Array(Float64Array.from(numbers).buffer);
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
};
const unpacked = (text, length) => {
  if (!/^[\w-]+$/.test(text ?? "")) return null;
  if (text.length !== Math.ceil((32 * length) / 3)) return null;
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  return [...new Float64Array(bytes.buffer)];
};
