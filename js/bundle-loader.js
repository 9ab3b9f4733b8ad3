/* SPDX-License-Identifier: Apache-2.0 */
/*
 * js/bundle-loader.js - from a bundle's JSON text to the namespace of the vat's module.
 *
 * The one format is the one the TypeScript kernel makes: {moduleFormat: 'iife', code, exports, external}, where `code`
 * declares `__vatExports__`. The code runs in a compartment of its own. What it can reach is what is endowed here plus
 * the hardened intrinsics: no function of the host, and not the start realm's global.
 */
const parseBundle = text => {
  const bundle = JSON.parse(text);
  if (typeof bundle !== 'object' || bundle === null) {
    throw Error('Invalid bundle: must be an object');
  }
  const { moduleFormat, code } = bundle;
  if (moduleFormat !== 'iife') {
    throw Error(`Unknown bundle format: ${moduleFormat}`);
  }
  if (code === undefined) {
    throw Error('Invalid bundle: missing code');
  }
  if (typeof code !== 'string') {
    throw Error('Invalid bundle: code must be a string');
  }
  return code;
};

/*
 * The code is compiled here, and nothing of it runs: the result may be kept in an image from which other vats with this bundle start
 * (src/worker/code_images.h). What is returned runs it, once, with a vat's endowments.
 */
export const compileBundle = text => {
  const code = parseBundle(text);
  const compartment = new Compartment();
  // The line break ends a comment that the code may close with; the name shows in stack traces.
  const run = compartment.evaluate(`(function () { ${code}\n; return __vatExports__; })\n//# sourceURL=vat`);
  return endowments => {
    const vatGlobal = compartment.globalThis;
    Object.assign(vatGlobal, endowments, { exports: {}, globalThis: vatGlobal, global: vatGlobal });
    return run();
  };
};
