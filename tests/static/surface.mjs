// What modules offer, as TypeScript sees it: `node surface.mjs <typescript.js> <file>…` tells for each file
// what it exports: of a class the members of its instances, of an interface its members, of a function how
// many arguments it takes and the members of what it returns.

import { createRequire } from "node:module";

const [library, ...files] = process.argv.slice(2);
const ts = createRequire(import.meta.url)(library);
const program = ts.createProgram(files, {
  allowJs: true, noEmit: true, strict: true, skipLibCheck: true,
  target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022,
  moduleResolution: ts.ModuleResolutionKind.NodeJs,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
});
const checker = program.getTypeChecker();

const told = {};
for (const file of files) {
  const module = checker.getSymbolAtLocation(program.getSourceFile(file));
  told[file] = Object.fromEntries(checker.getExportsOfModule(module).flatMap(offered));
}
console.log(JSON.stringify(told));

function offered(symbol) {
  const real = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const { valueDeclaration: declaration, flags, name } = real;
  const kind = { [ts.SymbolFlags.Class]: "class", [ts.SymbolFlags.Interface]: "interface" }[
    flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)];
  if (kind) return [[name, { kind, members: members(checker.getDeclaredTypeOfSymbol(real)) }]];
  if (!(flags & ts.SymbolFlags.Function)) return [];
  const [signature] = checker.getTypeOfSymbolAtLocation(real, declaration).getCallSignatures();
  const returned = checker.getNonNullableType(signature.getReturnType());
  const takes = signature.getParameters().length;
  return [[name, { kind: "function", takes, members: members(returned) }]];
}

// Without those that every EventTarget has, and those that are private; a symbol's name has a number. One
// that may be missing has a question mark.
function members(type) {
  const inherited = ["addEventListener", "removeEventListener", "dispatchEvent"];
  return checker.getPropertiesOfType(type)
    .filter((property) => !/^(__)?#/.test(property.name) && !inherited.includes(property.name))
    .filter((property) => !isOfBrowser(property))
    .map(({ name, flags }) => name.replace(/^__@(\w+?)@\d+$/, "[$1]") + (flags & ts.SymbolFlags.Optional ? "?" : ""))
    .sort();
}

// What HTMLElement and Array have stands in the compiler's own library.
function isOfBrowser(property) {
  const isLibrary = ({ parent }) => program.isSourceFileDefaultLibrary(parent.getSourceFile());
  return !/^__@/.test(property.name) && (property.declarations ?? []).some(isLibrary);
}
