import type { handleBidiStreamingCall } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import type {
  ServerReflectionRequest,
  ServerReflectionResponse,
} from "@capstan/proto/grpc/reflection/v1/reflection.js";
import type { Descriptors } from "./descriptors.js";

type Answer = NonNullable<ServerReflectionResponse["messageResponse"]>;

/**
 * Server reflection, v1 and v1alpha alike: the raw descriptors as the compiler wrote them. (The usual
 * package makes them anew by way of protobufjs, and breaks on maps and well-known types:
 * https://github.com/grpc/grpc-node/issues/2958)
 *
 * @param services full names of what is served
 */
export function reflection(
  descriptors: Descriptors,
  services: readonly string[],
): handleBidiStreamingCall<ServerReflectionRequest, ServerReflectionResponse> {
  return (call) => {
    call.on("data", (request: ServerReflectionRequest) => {
      const hasRoom = call.write({
        validHost: request.host,
        originalRequest: request,
        messageResponse: answer(descriptors, services, request),
      });
      if (hasRoom) return;
      call.pause();
      call.once("drain", () => call.resume());
    });
    call.on("end", () => {
      call.end();
    });
  };
}

function answer(
  descriptors: Descriptors,
  services: readonly string[],
  { messageRequest: asked }: ServerReflectionRequest,
): Answer {
  switch (asked?.$case) {
    case "listServices":
      return {
        $case: "listServicesResponse",
        value: { service: services.map((name) => ({ name })) },
      };
    case "fileByFilename":
      return files(descriptors.file(asked.value), asked.value);
    case "fileContainingSymbol":
      return files(descriptors.fileOfSymbol(asked.value), asked.value);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = asked.value;
      const found = descriptors.fileOfExtension(containingType, extensionNumber);
      return files(found, `extension ${extensionNumber} of ${containingType}`);
    }
    case "allExtensionNumbersOfType": {
      const numbers = descriptors.extensionNumbers(asked.value);
      if (numbers === undefined) return notFound(asked.value);
      const value = { baseTypeName: asked.value, extensionNumber: [...numbers] };
      return { $case: "allExtensionNumbersResponse", value };
    }
    case undefined:
      return {
        $case: "errorResponse",
        value: {
          errorCode: status.INVALID_ARGUMENT,
          errorMessage: "nothing that is known here was asked",
        },
      };
  }
}

function files(found: readonly Buffer[] | undefined, what: string): Answer {
  if (found === undefined) return notFound(what);
  return { $case: "fileDescriptorResponse", value: { fileDescriptorProto: [...found] } };
}

function notFound(what: string): Answer {
  const value = { errorCode: status.NOT_FOUND, errorMessage: `not found: ${what}` };
  return { $case: "errorResponse", value };
}
