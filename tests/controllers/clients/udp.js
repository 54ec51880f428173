// Steers an instrument by UDP and prints what comes back: node udp.js PORT OWN_PORT
const osc = require("osc");
const [port, own] = process.argv.slice(2).map(Number);
const udp = new osc.UDPPort({ localAddress: "127.0.0.1", localPort: own, metadata: true });
udp.on("message", (message) => console.log(message.address, ...message.args.map((a) => a.value)));
udp.on("ready", () => {
  const send = (address, ...args) => udp.send({ address, args }, "127.0.0.1", port);
  send("/sync", { type: "i", value: own });
  send("/gain", { type: "f", value: -20 });
  send("/pad/xy", { type: "f", value: 0.25 }, { type: "f", value: 0.75 });
});
udp.open();
