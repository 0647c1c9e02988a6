export function mount(root, host) {
  const list = document.createElement("ul");
  root.replaceChildren(list);
  host.fetch("/notes").then((r) => r.json()).then(({ notes }) => {
    list.replaceChildren(...notes.map((note) => Object.assign(document.createElement("li"), { textContent: note.title })));
  });
  return { unmount: () => root.replaceChildren() };
}
