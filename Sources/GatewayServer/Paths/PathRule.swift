import Primitives

/// One row of ``PathTable``.
package struct PathRule: Sendable, Hashable {
    /// Which paths a prefix stands for.
    package enum Reach: Sendable, Hashable {
        /// Itself.
        case only
        /// Itself and what lies below it.
        case tree
        /// Whatever begins with it.
        case text
    }

    /// Who answers.
    package enum Owner: Sendable, Hashable, CaseIterable {
        case health
        /// What Prometheus asks for.
        case metrics
        case mcp
        case rest
        /// The OpenAPI document and its page.
        case documents
        case adminPages
        case userPages
    }

    /// How whoever calls there reads a refusal that comes before the owner sees the request.
    package enum Refusal: Sendable, Hashable {
        case page
        /// `{"error": …}`.
        case json
        /// As `json`, with `success` (`rest-details.md` 1).
        case envelope
    }

    /// Which part of a path opens something by itself.
    package enum Secret: Sendable, Hashable {
        case none
        /// Whatever lies below the prefix.
        case below
    }

    package let prefix: String
    /// The same as bytes, since every request's path is compared with them.
    private let prefixBytes: [UInt8]
    /// The byte behind the prefix's slash, which tells most rows apart.
    let initial: UInt8?
    package let reach: Reach
    package let owner: Owner
    package let refusal: Refusal
    package let secret: Secret
    package let isLogged: Bool
    /// Whether a path with one slash too many at its end means the one without: documents of clients say so, and a
    /// redirect would lose the body of a POST on its way.
    package let dropsSlash: Bool

    init(
        _ prefix: String, _ reach: Reach, _ owner: Owner, refusal: Refusal, secret: Secret = .none,
        isLogged: Bool = true,
        dropsSlash: Bool = false
    ) {
        self.prefix = prefix
        prefixBytes = Array(prefix.utf8)
        initial = prefix.utf8.dropFirst().first
        self.reach = reach
        self.owner = owner
        self.refusal = refusal
        self.secret = secret
        self.isLogged = isLogged
        self.dropsSlash = dropsSlash
    }

    /// Whether programs call there, which read JSON and carry tokens.
    package var isForPrograms: Bool { refusal != .page }

    func holds(_ path: Substring) -> Bool {
        guard path.utf8.begins(with: prefixBytes) else { return false }
        switch reach {
        case .text: return true
        case .only: return path.utf8.count == prefixBytes.count
        case .tree:
            let rest = path.utf8.dropFirst(prefixBytes.count)
            return rest.isEmpty || rest.first == UInt8(ascii: "/")
        }
    }
}
