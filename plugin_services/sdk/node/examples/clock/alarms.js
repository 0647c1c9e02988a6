// Alarms over a WebSocket, with the ordinary `ws` on the plugin's server: {"in": 3, "text": "tea"} comes back in 3 s.
import { log } from "plugway-sdk";
import { WebSocketServer } from "ws";

const LONGEST = 86_400;
const MOST = 100;

export function rings(server) {
  const sockets = new WebSocketServer({ server, path: "/alarms", maxPayload: 4096 });
  sockets.on("connection", (socket) => {
    const timers = new Set();
    socket.on("message", (data) => {
      const alarm = parsed(data);
      if (!alarm || timers.size >= MOST) {
        socket.send(JSON.stringify({ problem: 'send {"in": seconds, "text": "..."}, and not too many' }));
        return;
      }
      log.info("an alarm is set", alarm);
      const timer = setTimeout(() => {
        timers.delete(timer);
        socket.send(JSON.stringify({ text: alarm.text }));
      }, alarm.in * 1000);
      timers.add(timer);
    });
    socket.on("close", (code) => {
      log.debug("a page left", { code, alarms: timers.size });
      timers.forEach(clearTimeout);
    });
  });
}

function parsed(data) {
  try {
    const alarm = JSON.parse(data);
    const holds = alarm.in >= 0 && alarm.in <= LONGEST && typeof alarm.text === "string";
    return holds ? { in: alarm.in, text: alarm.text } : null;
  } catch {
    return null;
  }
}
