export function line(id, text) {
  const node = document.createElement("p");
  node.id = id;
  node.textContent = text;
  return node;
}
