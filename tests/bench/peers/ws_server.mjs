// The peer: node's `ws`, found in the node_modules folder given first; the payload comes second. Prints its port.
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(process.argv[2] + "/")("ws");
const payload = process.argv[3];
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, backlog: 1024 });

function broadcast({ count, text }) {
  const body = `{"type":"event","event":"bench","payload":"${text}"`;
  for (let i = 0; i < count; i++)
    for (const client of server.clients) client.send(`${body},"seq":${++client.seq}}`);
}

server.on("connection", (socket) => {
  socket.seq = 0;
  socket.on("message", (data) => {
    const request = JSON.parse(data);
    if (request.method === "broadcast") broadcast(request.params);
    else if (request.type === "req" && request.method === "health")
      socket.send(`{"type":"res","id":"${request.id}","ok":true,"payload":${payload}}`);
  });
});
server.on("listening", () => console.log(server.address().port));
