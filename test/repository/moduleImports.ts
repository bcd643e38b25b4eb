// What a TypeScript file imports, by TypeScript's own parser, and which imports survive compilation.
import ts from 'typescript';

export interface ModuleImport {
  readonly specifier: string;
  /** Erased by the compiler. */
  readonly isTypeOnly: boolean;
}

/** Every static import and re-export, dynamic `import()` of a literal, `import('…')` type and `new URL('….js', import.meta.url)`. */
export function moduleImports(path: string, text: string): ModuleImport[] {
  const found: ModuleImport[] = [];
  const add = (node: ts.Node | undefined, isTypeOnly: boolean): void => {
    if (node !== undefined && ts.isStringLiteralLike(node)) found.push({ specifier: node.text, isTypeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isErasedImport(node));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true));
  return found;
}

function isErasedImport({ importClause }: ts.ImportDeclaration): boolean {
  return importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}
