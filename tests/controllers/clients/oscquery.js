// Reads an instrument's OSCQuery tree, prints its methods, listens to one and steers:
// node oscquery.js HTTP_PORT
const { OSCQueryDiscovery } = require("oscquery");
const osc = require("osc");
const port = Number(process.argv[2]);
new OSCQueryDiscovery().queryNewService("127.0.0.1", port).then((service) => {
  console.log(JSON.stringify({ host: service.hostInfo, methods: service.flat() }));
  const socket = new osc.WebSocketPort({ url: `ws://127.0.0.1:${port}`, metadata: true });
  socket.on("message", (m) => console.log(m.address, ...m.args.map((a) => a.value)));
  socket.on("ready", () => {
    socket.socket.send(JSON.stringify({ COMMAND: "LISTEN", DATA: "/texture" }));
    socket.send({ address: "/gain", args: [{ type: "f", value: -20 }] });
    const point = [0.25, 0.75].map((value) => ({ type: "f", value }));
    socket.send({ address: "/pad/xy", args: point });
  });
  socket.open();
});
