// gitlab-ci-local's regular expressions are native code, which would have to be built here: JavaScript's own stand for them.

const Module = require("node:module");

class RE2 extends RegExp {}
for (const name of ["match", "search", "replace", "split"]) {
  RE2.prototype[name] = RegExp.prototype[Symbol[name]];
}

const load = Module._load;
Module._load = function (request, ...rest) {
  return request.endsWith("/re2.node") ? RE2 : load.call(this, request, ...rest);
};
