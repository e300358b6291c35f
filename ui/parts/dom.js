// Elements without a framework. Text only ever enters the page as text: nothing here parses HTML.

// h("button", {class: "primary", onclick: save}, "Save"): properties that begin with "on" are listeners, false and
// null ones are left out; children are nodes, texts, lists of both, or nothing.
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  return add(element, children);
}

export function svg(tag, properties = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  return add(element, children);
}

function set(element, name, value) {
  if (value === false || value === null || value === undefined) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "value" || name === "checked" || name === "selected") element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}

export function add(element, ...children) {
  for (const child of children.flat(Infinity))
    if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}

export function replace(element, ...children) {
  element.replaceChildren();
  return add(element, ...children);
}

// Lengths by style attribute would be against the page's own policy; properties set by script are not.
export function sized(element, property, value) {
  element.style.setProperty(property, value);
  return element;
}
