// Preloaded into each server of this folder. The bundler would listen on every interface, and
// neither says where it listens: here both listen on loopback alone, and say on which port.
import net from "node:net";

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (where, ...rest) {
  if (typeof where !== "object" || where === null || where.path) {
    throw new Error("only { port } can be listened on");
  }
  this.once("listening", () => console.log(`Listening on 127.0.0.1:${this.address().port}\n`));
  return listen.call(this, { ...where, host: "127.0.0.1" }, ...rest);
};

// The paymaster's server is written for Node 22.
Promise.withResolvers ??= function () {
  const out = {};
  out.promise = new this((resolve, reject) => Object.assign(out, { resolve, reject }));
  return out;
};
