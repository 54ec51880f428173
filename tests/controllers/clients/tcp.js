// Steers an instrument by TCP (SLIP) and prints what comes back: node tcp.js PORT
const osc = require("osc");
const tcp = new osc.TCPSocketPort({ metadata: true });
tcp.on("message", (message) => console.log(message.address, ...message.args.map((a) => a.value)));
tcp.on("ready", () => {
  tcp.send({ address: "/sync", args: [] });
  tcp.send({ address: "/gain", args: [{ type: "f", value: -20 }] });
  const point = [0.25, 0.75].map((value) => ({ type: "f", value }));
  tcp.send({ address: "/pad/xy", args: point });
});
tcp.open("127.0.0.1", Number(process.argv[2]));
