import HTTP
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
    package var failure: ToolFailure?
    /// A more exact text than the failure's own; `nil` keeps that.
    package var message: String?
    package var duration: Duration

    package init(
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

/// The digests of an audit row. Keyed: a short secret among the arguments could be tried out against a plain hash by
/// whoever reads the table.
struct AuditDigests: Sendable {
    private let key: SecretKey

    init(dataKey: SecretKey) {
        key = SecretKey(derivedFrom: dataKey.mac(Array("audit digests".utf8)), context: "audit digests")
    }

    /// 64 lower-case hexadecimal digits.
    func hex(_ bytes: [UInt8]) -> String { key.keyedHash(bytes) }
}

extension AuditEntry {
    /// Whether somebody answers for this row: a user, this program itself, or whoever has just proved with a password
    /// who he is.
    var hasIdentifiedCaller: Bool {
        if call.principal.user != nil { return true }
        if case .system = call.principal.credential { return true }
        return failure == nil && tool == SessionCreateTool.name
    }

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
        if let argumentBytes { return digests.hex(Array(argumentBytes)) }
        guard let object = arguments.objectValue, !object.isEmpty else { return "" }
        return digests.hex(arguments.serialized())
    }

    private func redactedText(_ digests: AuditDigests) -> String {
        guard let object = arguments.objectValue, !object.isEmpty else { return "" }
        var redaction = ArgumentRedaction(digests: digests)
        var redacted = JSONObject()
        for (key, value) in object {
            guard redaction.hasRoom else { break }
            let key = key.cut(toBytes: 64)
            redacted[key] = secretMembers.contains(key) ? "***" : redaction.redact(value, under: key)
        }
        return JSONValue.object(redacted).text.cut(toBytes: 4096)
    }
}

/// Arguments as the audit log keeps them: the texts, numbers and flags that say where and how much stay, named one by
/// one; every other value becomes its length and a keyed digest, at any depth (`mcp.md` 5.6, arguments may hold secrets).
struct ArgumentRedaction {
    /// So many values are looked at, at all depths together; the rest is left out. A row has room for no more, and a
    /// document of millions of values must not cost a digest for each.
    static let values = 64

    let digests: AuditDigests
    private var left = Self.values

    init(digests: AuditDigests) { self.digests = digests }

    var hasRoom: Bool { left > 0 }

    private static let plainTexts: Set<String> = ["path", "cwd", "encoding", "mode", "metric", "period"]
    /// Arguments whose number or flag stays. `head` is not an argument: it marks a mere look at a download.
    private static let plainValues: Set<String> = [
        "any_machine", "before", "concurrency", "cover", "create_dirs", "enable_ip_change_notification", "enable_mcp",
        "enable_plain_ip_in_notification", "expires_in_days", "head", "id", "ip_change_notification_group_id", "length",
        "limit", "max_output_bytes", "offset", "online_only", "recursive", "reject_password", "server_id",
        "show_hidden",
        "timeout_seconds", "tls", "ttl_seconds",
    ]
    /// Arguments whose numbers in a list stay.
    private static let plainLists: Set<String> = ["ids", "server_ids", "servers"]

    /// - Parameter key: the name of a top-level argument; empty further down, where no name is known to be harmless.
    mutating func redact(_ value: JSONValue, under key: String) -> JSONValue {
        left -= 1
        switch value {
        case .null:
            return value
        case .bool, .number:
            return Self.plainValues.contains(key) ? value : digest(of: value.text)
        case .string(let text):
            return Self.plainTexts.contains(key) ? .string(text.cut(toBytes: 256)) : digest(of: text)
        case .array(let elements):
            let keepsNumbers = Self.plainLists.contains(key)
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
