// The page: the clocks of the settings, ticking over server-sent events, and the drift on demand.

const PAUSE = 2000;

export function mount(root, host) {
  const leaving = new AbortController();
  const list = element("ul", { className: "clocks" });
  const state = element("p", { className: "state", role: "status" });
  const ask = element("button", { type: "button", textContent: "Compare with the other server" });
  ask.addEventListener("click", async () => {
    const answer = await host.fetch("/drift");
    const { seconds, reason } = await answer.json();
    state.textContent = seconds === null ? reason : `The other server is ${seconds} s ahead.`;
  });
  root.replaceChildren(element("main", { className: "clock" }, element("h1", { textContent: "Clock" }), list, ask, state));
  follow(host, leaving.signal, ({ times }) => show(list, times));
  return {
    unmount() {
      leaving.abort();
      root.replaceChildren();
    },
  };
}

async function follow(host, signal, heard) {
  while (!signal.aborted) {
    try {
      const answer = await host.fetch("/ticks", { signal });
      await read(answer.body.getReader(), heard);
    } catch {
      // Away, or left: the pause below is for both.
    }
    await new Promise((done) => setTimeout(done, PAUSE));
  }
}

async function read(reader, heard) {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = events.pop();
    for (const event of events) if (event.startsWith("data: ")) heard(JSON.parse(event.slice(6)));
  }
}

function show(list, times) {
  const rows = times.map(({ zone, time }) =>
    element("li", {}, element("span", { textContent: zone }), element("time", { textContent: time })),
  );
  list.replaceChildren(...rows);
}

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
