import Secrets
import Synchronization

package import struct FoundationEssentials.Date

/// The transfer URLs that were minted and not used yet (`mcp.md` 7.1). In memory only, under a key of this process: a
/// restart makes all of them worthless.
package final class TransferURLs: Sendable {
    /// Why a token of a URL was not accepted; `grant` is what it named, where that is known.
    package struct Refusal: Error, Sendable, Hashable {
        package enum Reason: String, Sendable, CaseIterable {
            /// Never minted, used already, purged or swept. A token that differs in a single bit from a minted one is
            /// unknown too, and leaves that one alone.
            case unknown = "invalid or already-used transfer token"
            case malformed = "malformed transfer token"
            case badSignature = "transfer token signature mismatch"
            case wrongDirection = "transfer token direction mismatch"
            case expired = "transfer token expired"
        }

        package var reason: Reason
        package var grant: TransferGrant?
    }

    private struct State {
        var grants: [String: TransferGrant] = [:]
        var perToken: [Int64: Int] = [:]

        mutating func insert(_ grant: TransferGrant, as token: String) {
            grants[token] = grant
            perToken[grant.tokenID, default: 0] += 1
        }

        mutating func remove(_ token: String) -> TransferGrant? {
            guard let grant = grants.removeValue(forKey: token) else { return nil }
            let left = (perToken[grant.tokenID] ?? 1) - 1
            perToken[grant.tokenID] = left > 0 ? left : nil
            return grant
        }

        mutating func removeAll(where matches: (TransferGrant) -> Bool) -> Int {
            let chosen = grants.filter { matches($0.value) }.map(\.key)
            for token in chosen { _ = remove(token) }
            return chosen.count
        }
    }

    /// Unused URLs of one Personal Access Token at most.
    package static let capacityPerToken = 256
    /// Unused URLs at most.
    package static let capacity = 4096

    private static let nonceLength = 24
    private static let codeLength = 32

    private let key = SecretKey(derivedFrom: SecureRandom.bytes(64), context: "transfer URLs")
    private let now: @Sendable () -> Date
    private let state = Mutex(State())

    package init(now: @escaping @Sendable () -> Date = { Date() }) {
        self.now = now
    }

    /// URLs that were minted and neither used nor purged nor swept.
    package var count: Int { state.withLock { $0.grants.count } }

    /// What the unused URLs allow, in no order.
    var grants: [TransferGrant] { state.withLock { Array($0.grants.values) } }

    /// Makes the token of a URL: 24 random letters and digits, a dot, 64 hex digits that sign every field of the grant.
    /// - Throws: ``ToolFailure/invalidArguments(_:)`` when too many URLs wait for their use.
    package func mint(_ grant: TransferGrant) throws(ToolFailure) -> String {
        let nonce = SecureRandom.alphanumeric(Self.nonceLength)
        let token = "\(nonce).\(Hex.encode(code(of: grant, nonce: nonce)))"
        let date = now()
        let full: String? = state.withLock { state in
            if Self.excess(in: state, for: grant.tokenID) != nil {
                // Expired ones only wait for the next sweep and must not cost a new one its place.
                _ = state.removeAll { Self.isExpired($0, at: date) }
            }
            let full = Self.excess(in: state, for: grant.tokenID)
            if full == nil { state.insert(grant, as: token) }
            return full
        }
        if let full { throw .invalidArguments(Message(verbatim: full)) }
        return token
    }

    /// What the token stands for, without using it up. Whatever needs only the request is checked between this and
    /// ``consume(_:for:)``, so that a mistake does not cost the URL and a stranger learns nothing.
    /// - Throws: ``Refusal``, as ``consume(_:for:)`` would.
    package func peek(_ token: String, for direction: TransferGrant.Direction) throws(Refusal) -> TransferGrant {
        try accept(state.withLock { $0.grants[token] }, token, direction)
    }

    /// Uses a URL up: whatever comes of it, the token is worth nothing afterwards.
    /// - Throws: ``Refusal``.
    package func consume(_ token: String, for direction: TransferGrant.Direction) throws(Refusal) -> TransferGrant {
        try accept(state.withLock { $0.remove(token) }, token, direction)
    }

    /// Drops every URL (the kill switch).
    /// - Returns: how many there were.
    @discardableResult
    package func purgeAll() -> Int { purge { _ in true } }

    /// Drops the URLs whose grant `matches`: its token or user was deleted, its server deleted or given away.
    /// - Returns: how many there were.
    @discardableResult
    package func purge(where matches: (TransferGrant) -> Bool) -> Int {
        state.withLock { $0.removeAll(where: matches) }
    }

    /// Drops the URLs that have expired; called once a minute.
    /// - Returns: how many there were.
    @discardableResult
    package func sweep() -> Int {
        let date = now()
        return purge { Self.isExpired($0, at: date) }
    }

    private func accept(
        _ grant: TransferGrant?, _ token: String, _ direction: TransferGrant.Direction
    ) throws(Refusal) -> TransferGrant {
        guard let grant else { throw Refusal(reason: .unknown) }
        if let reason = refusal(of: grant, token, for: direction) { throw Refusal(reason: reason, grant: grant) }
        return grant
    }

    private func refusal(
        of grant: TransferGrant, _ token: String, for direction: TransferGrant.Direction
    ) -> Refusal.Reason? {
        guard let dot = token.firstIndex(of: "."), let given = Hex.decode(token[token.index(after: dot)...]),
            given.count == Self.codeLength
        else { return .malformed }
        let expected = code(of: grant, nonce: String(token[..<dot]))
        guard constantTimeEquals(given, expected) else { return .badSignature }
        guard grant.direction == direction else { return .wrongDirection }
        return Self.isExpired(grant, at: now()) ? .expired : nil
    }

    private func code(of grant: TransferGrant, nonce: String) -> [UInt8] {
        key.mac(grant.signedBytes(nonce: nonce))
    }

    private static func isExpired(_ grant: TransferGrant, at date: Date) -> Bool { date > grant.expiresAt }

    /// What is full, in words for the caller.
    private static func excess(in state: State, for tokenID: Int64) -> String? {
        if state.perToken[tokenID, default: 0] >= capacityPerToken {
            return "too many unused transfer URLs of this token (max \(capacityPerToken)); use some or let them expire"
        }
        if state.grants.count >= capacity {
            return "too many unused transfer URLs (max \(capacity)); try again later"
        }
        return nil
    }

    /// Lets a test change what a token stands for, as a defect would.
    func tamper(with token: String, _ change: (inout TransferGrant) -> Void) {
        state.withLock { state in
            guard var grant = state.grants[token] else { return }
            change(&grant)
            state.grants[token] = grant
        }
    }
}
