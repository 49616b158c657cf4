package import JSON

/// Why a body is not one JSON-RPC request. Says which error object answers it and with which id (`mcp.md` 1.2, rows 10
/// and 12).
package enum JSONRPCEnvelopeError: Error, Sendable, Hashable {
    case syntax(JSONParseError)
    /// Batches were never supported, and the protocol has dropped them.
    case batch
    case notAnObject(found: String)
    case wrongType(member: String, expected: String, found: String)
    /// `jsonrpc` is not "2.0".
    case wrongVersion(id: JSONRPCID?)
    /// `method` is missing or empty.
    case noMethod(id: JSONRPCID?)
    case wrongIDType(found: String)

    /// The id to echo, where it could be read.
    package var id: JSONRPCID? {
        switch self {
        case .wrongVersion(let id), .noMethod(let id): id
        case .syntax, .batch, .notAnObject, .wrongType, .wrongIDType: nil
        }
    }

    /// Whether nothing of the message can be told, its id included.
    var isUnreadable: Bool {
        switch self {
        case .syntax, .batch, .notAnObject, .wrongType, .wrongIDType: true
        case .wrongVersion, .noMethod: false
        }
    }

    package var error: JSONRPCError {
        switch self {
        case .syntax, .batch, .notAnObject, .wrongType:
            JSONRPCError(code: .parseError, message: "invalid json-rpc envelope: \(description)")
        case .wrongIDType:
            JSONRPCError(code: .invalidRequest, message: "invalid json-rpc envelope: \(description)")
        case .wrongVersion, .noMethod:
            // This text is pinned by clients and has no detail.
            JSONRPCError(code: .invalidRequest, message: "invalid json-rpc envelope")
        }
    }
}

extension JSONRPCEnvelopeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .syntax(let error): error.description
        case .batch: "batches are not supported"
        case .notAnObject(let found): "expected object, found \(found)"
        case .wrongType(let member, let expected, let found): "\(member): expected \(expected), found \(found)"
        case .wrongVersion: "jsonrpc: must be \"2.0\""
        case .noMethod: "method: required"
        case .wrongIDType(let found): "id: expected string, number or null, found \(found)"
        }
    }
}
