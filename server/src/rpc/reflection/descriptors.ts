import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import type {
  DescriptorProto,
  EnumDescriptorProto,
  FileDescriptorProto,
} from "@bufbuild/protobuf/wkt";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

interface DescribedFile {
  readonly name: string;
  /** As the compiler wrote it: never decoded and encoded again, so that nothing in it is lost. */
  readonly bytes: Buffer;
  readonly dependencies: readonly string[];
}

/** What reflection knows: files, the symbols in them, the services that are served. */
export class Descriptors {
  readonly #files = new Map<string, DescribedFile>();
  readonly #fileBySymbol = new Map<string, string>();
  readonly #extensions = new Map<string, Map<number, string>>();

  /** @param set a serialized google.protobuf.FileDescriptorSet, imports included */
  constructor(set: Uint8Array) {
    for (const bytes of filesOf(set))
      this.#add(fromBinary(FileDescriptorProtoSchema, bytes), bytes);
  }

  /** A file and all that it imports. @returns undefined when there is no such file */
  file(name: string): readonly Buffer[] | undefined {
    return this.#files.has(name) ? [...this.#closure(name, new Map()).values()] : undefined;
  }

  /** The file in which a symbol is (a message, field, enum, value, service or method). */
  fileOfSymbol(symbol: string): readonly Buffer[] | undefined {
    const name = this.#fileBySymbol.get(symbol);
    return name === undefined ? undefined : this.file(name);
  }

  fileOfExtension(type: string, number: number): readonly Buffer[] | undefined {
    const name = this.#extensions.get(type)?.get(number);
    return name === undefined ? undefined : this.file(name);
  }

  /** Numbers of the extensions of a type. @returns undefined when there is no such type */
  extensionNumbers(type: string): readonly number[] | undefined {
    if (!this.#fileBySymbol.has(type)) return undefined;
    return [...(this.#extensions.get(type)?.keys() ?? [])];
  }

  #closure(name: string, seen: Map<string, Buffer>): Map<string, Buffer> {
    const file = this.#files.get(name);
    if (file === undefined || seen.has(name)) return seen;
    seen.set(name, file.bytes);
    for (const dependency of file.dependencies) this.#closure(dependency, seen);
    return seen;
  }

  #add(file: FileDescriptorProto, bytes: Uint8Array): void {
    const { name, dependency, package: scope } = file;
    if (this.#files.has(name)) return;
    this.#files.set(name, { name, bytes: Buffer.from(bytes), dependencies: dependency });
    const prefix = scope === "" ? "" : `${scope}.`;
    for (const message of file.messageType) this.#addMessage(name, prefix, message);
    for (const type of file.enumType) this.#addEnum(name, prefix, type);
    for (const service of file.service) {
      this.#fileBySymbol.set(prefix + service.name, name);
      for (const method of service.method) {
        this.#fileBySymbol.set(`${prefix}${service.name}.${method.name}`, name);
      }
    }
    for (const extension of file.extension) {
      this.#addExtension(name, prefix + extension.name, extension.extendee, extension.number);
    }
  }

  #addMessage(file: string, prefix: string, message: DescriptorProto): void {
    const full = prefix + message.name;
    this.#fileBySymbol.set(full, file);
    for (const { name } of message.field) this.#fileBySymbol.set(`${full}.${name}`, file);
    for (const { name } of message.oneofDecl) this.#fileBySymbol.set(`${full}.${name}`, file);
    for (const nested of message.nestedType) this.#addMessage(file, `${full}.`, nested);
    for (const type of message.enumType) this.#addEnum(file, `${full}.`, type);
    for (const { name, extendee, number } of message.extension) {
      this.#addExtension(file, `${full}.${name}`, extendee, number);
    }
  }

  /** The values of an enum are named beside it, not within: so protobuf has it. */
  #addEnum(file: string, prefix: string, type: EnumDescriptorProto): void {
    this.#fileBySymbol.set(prefix + type.name, file);
    for (const { name } of type.value) {
      this.#fileBySymbol.set(prefix + name, file);
      this.#fileBySymbol.set(`${prefix}${type.name}.${name}`, file);
    }
  }

  #addExtension(file: string, symbol: string, extendee: string, number: number): void {
    this.#fileBySymbol.set(symbol, file);
    const type = extendee.replace(/^\./, "");
    const numbers = this.#extensions.get(type) ?? new Map<number, string>();
    numbers.set(number, file);
    this.#extensions.set(type, numbers);
  }
}

/** The bytes of each file in a set (field 1), untouched. */
function filesOf(set: Uint8Array): Uint8Array[] {
  const reader = new BinaryReader(set);
  const files: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) files.push(reader.bytes());
    else reader.skip(wireType);
  }
  return files;
}
