import Secrets
import Storage

import struct Foundation.Date

/// What the audit log learns of one call, before it becomes a row.
public struct AuditEntry: Sendable {
    public var tool: String
    public var call: ToolCall
    public var arguments: JSONValue
    /// The server that the call was about; `nil` takes the one that the arguments name.
    public var serverID: Int64?
    /// The arguments as sent, for the hash; `nil` hashes the value's own compact form.
    public var argumentBytes: ArraySlice<UInt8>?
    /// Top-level arguments of which not even a length is kept; their presence also drops the hash over all.
    public var secretMembers: Set<String>
    public var failure: ToolFailure?
    /// A more exact text than the failure's own; `nil` keeps that.
    public var message: String?
    public var duration: Duration

    public init(
        tool: String, call: ToolCall, arguments: JSONValue, serverID: Int64? = nil,
        argumentBytes: ArraySlice<UInt8>? = nil, secretMembers: Set<String> = [], failure: ToolFailure?,
        message: String? = nil,
        duration: Duration
    ) {
        self.tool = tool
        self.call = call
        self.arguments = arguments
        self.serverID = serverID
        self.argumentBytes = argumentBytes
        self.secretMembers = secretMembers
        self.failure = failure
        self.message = message
        self.duration = duration
    }
}

extension AuditEntry {
    func record(at date: Date) -> AuditRecord {
        AuditRecord(
            createdAt: date, userID: call.principal.user?.id ?? 0, tokenID: call.principal.token?.id ?? 0,
            serverID: serverID ?? arguments["server_id"]?.int64Value ?? 0, tool: tool,
            origin: call.origin.rawValue,
            requestID: call.requestID, argumentsHash: argumentsHash, argumentsRedacted: redactedText,
            outcome: (failure?.outcome ?? .ok).rawValue, errorCode: failure?.outcome.rawValue ?? "",
            errorMessage: (message ?? failure?.message ?? "").cut(toBytes: 512),
            durationMilliseconds: duration.wholeMilliseconds, ip: call.client.real ?? call.client.peer ?? "")
    }

    private var argumentsHash: String {
        // A hash over a password could be tried out offline.
        guard secretMembers.isEmpty else { return "" }
        if let argumentBytes { return SHA256Digest.hex(Array(argumentBytes)) }
        guard let object = arguments.objectValue, !object.isEmpty else { return "" }
        return SHA256Digest.hex(arguments.serialized())
    }

    private var redactedText: String {
        guard let object = arguments.objectValue, !object.isEmpty else { return "" }
        var redacted = JSONObject()
        for (key, value) in object {
            let key = key.cut(toBytes: 64)
            redacted[key] = secretMembers.contains(key) ? "***" : ArgumentRedaction.redact(value, under: key)
        }
        return JSONValue.object(redacted).text.cut(toBytes: 4096)
    }
}

/// Arguments as the audit log keeps them: numbers, flags and the texts that locate the work stay, every other text
/// becomes its length and SHA-256 (`mcp.md` 5.6, arguments may hold secrets).
enum ArgumentRedaction {
    private static let plainTexts: Set<String> = ["path", "cwd", "encoding", "mode", "metric", "period"]

    static func redact(_ value: JSONValue, under key: String) -> JSONValue {
        switch value {
        case .null, .bool, .number:
            return value
        case .string(let text) where plainTexts.contains(key):
            return .string(text.cut(toBytes: 256))
        case .string(let text):
            let bytes = Array(text.utf8)
            return ["length": .integer(Int64(bytes.count)), "sha256": .string(SHA256Digest.hex(bytes))]
        case .array(let elements):
            // A key that is plain for a text says nothing of the texts inside a list.
            return .array(elements.prefix(64).map { redact($0, under: "") })
        case .object(let object):
            var redacted = JSONObject()
            for (name, member) in object.prefix(64) { redacted[name.cut(toBytes: 64)] = redact(member, under: "") }
            return .object(redacted)
        }
    }
}

extension String {
    /// At most `limit` bytes of UTF-8, never splitting a character's scalar.
    func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while end > utf8.startIndex, UTF8.isContinuation(utf8[end]) { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}

extension Duration {
    var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
