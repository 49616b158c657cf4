import HTTP
package import JSON
import Primitives
import Secrets
import Storage

import struct FoundationEssentials.Date

/// What the audit log learns of one call, before it becomes a row.
package struct AuditEntry: Sendable {
    package var tool: String
    package var call: ToolCall
    package var arguments: JSONValue
    /// The server that the call was about; `nil` takes the one that the arguments name.
    package var serverID: Int64?
    /// The arguments as sent, for the hash; `nil` hashes the value's own compact form.
    package var argumentBytes: ArraySlice<UInt8>?
    /// Top-level arguments of which not even a length is kept; their presence also drops the hash over all.
    package var secretMembers: Set<String>
    /// Top-level arguments whose values are kept.
    package var keptMembers: [String: KeptArgument]
    package var failure: ToolFailure?
    /// A more exact text than the failure's own; `nil` keeps that.
    package var message: String?
    package var duration: Duration
    /// ``ToolDefinition/identifiesCaller`` of the tool.
    package var identifiesCaller: Bool

    package init(
        tool: String, call: ToolCall, arguments: JSONValue, serverID: Int64? = nil,
        argumentBytes: ArraySlice<UInt8>? = nil, secretMembers: Set<String> = [],
        keptMembers: [String: KeptArgument] = [:], failure: ToolFailure?,
        message: String? = nil, duration: Duration, identifiesCaller: Bool = false
    ) {
        self.tool = tool
        self.call = call
        self.arguments = arguments
        self.serverID = serverID
        self.argumentBytes = argumentBytes
        self.secretMembers = secretMembers
        self.keptMembers = keptMembers
        self.failure = failure
        self.message = message
        self.duration = duration
        self.identifiesCaller = identifiesCaller
    }
}

/// The digests of an audit row. Keyed: a short secret among the arguments could be tried out against a plain hash by
/// whoever reads the table.
struct AuditDigests: Sendable {
    private let key: SecretKey
    /// That of arguments without any, which many calls have.
    private let none: String
    private static let noArguments = Array("{}".utf8)

    init(dataKey: SecretKey) {
        key = SecretKey(derivedFrom: dataKey.mac(Array("audit digests".utf8)), context: "audit digests")
        none = key.keyedHash(Self.noArguments)
    }

    /// 64 lower-case hexadecimal digits.
    func hex(_ bytes: some Collection<UInt8>) -> String {
        bytes.elementsEqual(Self.noArguments) ? none : key.keyedHash(Array(bytes))
    }
}

extension AuditEntry {
    /// Whether somebody answers for this row: a user, or whoever has just shown their password.
    var hasIdentifiedCaller: Bool { call.principal.user != nil || failure == nil && identifiesCaller }

    /// The caller's, as far as known.
    var address: String { call.client.real ?? call.client.peer ?? "" }

    func record(at date: Date, _ digests: AuditDigests) -> AuditRecord {
        AuditRecord(
            createdAt: date, userID: call.principal.user?.id ?? 0, tokenID: call.principal.token?.id ?? 0,
            serverID: serverID ?? namedServer ?? 0, tool: tool,
            origin: call.origin.rawValue,
            requestID: call.requestID, argumentsHash: argumentsHash(digests), argumentsRedacted: redactedText(digests),
            outcome: (failure?.outcome ?? .ok).rawValue, errorCode: failure?.outcome.rawValue ?? "",
            errorMessage: (message ?? failure?.message ?? "").cut(toBytes: 512),
            durationMilliseconds: duration.wholeMilliseconds, ip: address)
    }

    /// The server that the arguments name, where it can be one: a refused call may name anything.
    private var namedServer: Int64? {
        guard let id = arguments["server_id"]?.int64Value, id > 0 else { return nil }
        return id
    }

    private func argumentsHash(_ digests: AuditDigests) -> String {
        // A hash over a password could be tried out offline.
        guard secretMembers.isEmpty else { return "" }
        if let argumentBytes { return digests.hex(argumentBytes) }
        guard let object = arguments.objectValue, !object.isEmpty else { return "" }
        return digests.hex(arguments.serialized())
    }

    private func redactedText(_ digests: AuditDigests) -> String {
        guard let object = arguments.objectValue, !object.isEmpty else { return "" }
        var redaction = ArgumentRedaction(digests: digests, kept: keptMembers)
        var redacted = JSONObject()
        for (key, value) in object {
            guard redaction.hasRoom else { break }
            let key = key.cut(toBytes: 64)
            redacted[key] = secretMembers.contains(key) ? "***" : redaction.redact(value, under: key)
        }
        return JSONValue.object(redacted).text.cut(toBytes: 4096)
    }
}

/// What the audit log keeps of an argument; whatever else is sent under its name becomes a digest.
package enum KeptArgument: Sendable, Hashable {
    /// A text, up to 256 bytes.
    case text
    /// A number or a flag.
    case value
    /// The numbers of a list.
    case numbers

    /// - Parameter schema: of the argument.
    init?(_ schema: JSONValue) {
        guard schema["x-audit"] == "keep" else { return nil }
        switch schema["type"]?.stringValue {
        case "string": self = .text
        case "integer", "number", "boolean": self = .value
        case "array": self = .numbers
        default: return nil
        }
    }
}

/// Arguments as the audit log keeps them: the texts, numbers and flags that say where and how much stay, each because its
/// schema says so (`"x-audit": "keep"`); every other value becomes its length and a keyed digest, at any depth (`mcp.md` 5.6, arguments may hold secrets).
struct ArgumentRedaction {
    /// So many values are looked at, at all depths together; the rest is left out. A row has room for no more, and a
    /// document of millions of values must not cost a digest for each.
    static let values = 64

    let digests: AuditDigests
    let kept: [String: KeptArgument]
    private var left = Self.values

    /// - Parameter kept: the top-level arguments whose values stay.
    init(digests: AuditDigests, kept: [String: KeptArgument]) {
        self.digests = digests
        self.kept = kept
    }

    var hasRoom: Bool { left > 0 }

    /// - Parameter key: the name of a top-level argument; empty further down, where no name is known to be harmless.
    mutating func redact(_ value: JSONValue, under key: String) -> JSONValue {
        left -= 1
        switch value {
        case .null:
            return value
        case .bool, .number:
            return kept[key] == .value ? value : digest(of: value.text)
        case .string(let text):
            return kept[key] == .text ? .string(text.cut(toBytes: 256)) : digest(of: text)
        case .array(let elements):
            let keepsNumbers = kept[key] == .numbers
            var redacted: [JSONValue] = []
            for element in elements {
                guard hasRoom else { break }
                if keepsNumbers, element.isNumber {
                    left -= 1
                    redacted.append(element)
                } else {
                    redacted.append(redact(element, under: ""))
                }
            }
            return .array(redacted)
        case .object(let object):
            var redacted = JSONObject()
            for (name, member) in object {
                guard hasRoom else { break }
                redacted[name.cut(toBytes: 64)] = redact(member, under: "")
            }
            return .object(redacted)
        }
    }

    private func digest(of text: String) -> JSONValue {
        let bytes = Array(text.utf8)
        return ["length": .integer(Int64(bytes.count)), "digest": .string(digests.hex(bytes))]
    }
}

extension JSONValue {
    fileprivate var isNumber: Bool {
        if case .number = self { true } else { false }
    }
}
