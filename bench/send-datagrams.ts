/** Sends datagrams as fast as it can and prints the seconds of system time that each took. */
import { createSocket } from 'node:dgram';
import { addressOf, datagram } from './many-rules.ts';

const COUNT = 20_000;
const socket = createSocket({
  type: 'udp4',
  // Addresses are addresses: nothing is to be looked up.
  lookup: (name, _options, done) => done(null, name, 4),
});
const payload = new Uint8Array(8);
const before = process.cpuUsage().system;
let sent = 0;
const step = (): void => {
  if (sent === COUNT) {
    console.log((process.cpuUsage().system - before) / 1e6 / COUNT);
    socket.close();
    return;
  }
  const { server, port } = datagram(sent++);
  socket.send(payload, port, addressOf(server), step);
};
step();
