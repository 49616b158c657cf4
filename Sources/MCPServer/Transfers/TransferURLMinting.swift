import FoundationEssentials
import Primitives

/// A temporary URL, as both tools answer it.
package struct MintedTransferURL: Codable, Sendable, Hashable {
    package var url: String
    /// `GET` or `POST`.
    package var method: String
    /// RFC 3339, in UTC.
    package var expiresAt: String

    private enum CodingKeys: String, CodingKey {
        case url
        case method
        case expiresAt = "expires_at"
    }
}

/// What the two URL tools have in common: the rules of `mcp.md` 4.10 and the shape of their answer.
struct TransferURLMinting: Sendable {
    typealias Output = MintedTransferURL

    static let maxPathBytes = 4096
    static let lifetimes: ClosedRange<Int64> = 30...600
    static let defaultLifetime: Int64 = 300

    let urls: TransferURLs
    let now: @Sendable () -> Date

    /// Fills in who asks and until when, mints, and names the URL as the client reaches us.
    /// - Parameter grant: `userID`, `tokenID` and `expiresAt` are overwritten.
    func mint(_ grant: TransferGrant, lifetime: Int64?, in call: ToolCall) throws(ToolFailure) -> Output {
        // What a URL may do is read anew from its token at use, so there must be one.
        guard let token = call.principal.token, let user = call.principal.user else {
            throw .rejected("transfer URLs are made for API tokens only")
        }
        if let text = Self.objection(toPath: grant.path) { throw .invalidArguments(Message(verbatim: text)) }
        var grant = grant
        grant.userID = user.id
        grant.tokenID = token.id
        grant.expiresAt = now() + Double(Self.seconds(lifetime))
        let secret = try urls.mint(grant)
        return Output(
            url: "\(call.baseURL)/mcp/\(grant.direction.rawValue)/\(secret)", method: grant.direction.method,
            expiresAt: grant.expiresAt.rfc3339(milliseconds: true))
    }

    static func seconds(_ asked: Int64?) -> Int64 {
        guard let asked, asked > 0 else { return defaultLifetime }
        return min(max(asked, lifetimes.lowerBound), lifetimes.upperBound)
    }

    static func objection(toPath path: String) -> String? {
        if path.isEmpty { return "path required" }
        if path.utf8.count > maxPathBytes { return "path too long" }
        // No system has such a file, and the agent's C library would cut the path there.
        if path.utf8.contains(0) { return "path must not contain NUL" }
        return nil
    }

    /// A text that old callers know, where the schema's own would name only the rule.
    static func explain(_ violation: SchemaViolation) -> String? {
        switch (violation.pointer, violation.keyword) {
        case ("/path", "required"), ("/path", "minLength"): "path required"
        case ("/path", "maxLength"): "path too long"
        default: nil
        }
    }
}

extension TransferGrant.Direction {
    var method: String {
        switch self {
        case .download: "GET"
        case .upload: "POST"
        }
    }
}
