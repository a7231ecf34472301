// Two rules of this house that ESLint itself does not have.
import { basename } from "node:path";
import { builtinModules } from "node:module";

const builtins = new Set(builtinModules.filter((name) => !name.startsWith("_")));
const kebabCase = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/;

/** Files are kebab-case after their main export. */
const kebabCaseFilename = {
  meta: {
    type: "suggestion",
    schema: [],
    messages: { name: "Name this file in kebab-case: '{{name}}'." },
  },
  create(context) {
    return {
      Program(node) {
        const name = basename(context.filename);
        if (!kebabCase.test(name)) context.report({ node, messageId: "name", data: { name } });
      },
    };
  },
};

/** Modules of Node are imported by their `node:` names, so that no package can stand in for them. */
const nodeProtocol = {
  meta: {
    type: "suggestion",
    fixable: "code",
    schema: [],
    messages: { protocol: "Write 'node:{{name}}'." },
  },
  create(context) {
    const check = ({ source }) => {
      if (source?.type !== "Literal" || !builtins.has(source.value)) return;
      context.report({
        node: source,
        messageId: "protocol",
        data: { name: source.value },
        fix: (fixer) => fixer.replaceText(source, `"node:${source.value}"`),
      });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportAllDeclaration: check,
      ExportNamedDeclaration: check,
    };
  },
};

export default {
  meta: { name: "capstan" },
  rules: { "kebab-case-filename": kebabCaseFilename, "node-protocol": nodeProtocol },
};
