package import struct FoundationEssentials.Date

/// What one transfer URL allows: one file, one direction, one use.
package struct TransferGrant: Sendable, Hashable {
    package enum Direction: String, Sendable, CaseIterable {
        case download
        case upload

        /// The tool name of the audit row (`mcp.md` 5.6).
        package var subject: String { "fs.\(rawValue)" }

        /// What the minting token must still hold at use.
        package var scope: Scope {
            switch self {
            case .download: .serverRead
            case .upload: .serverWrite
            }
        }
    }

    package var direction: Direction
    /// Who minted it; 0 is nobody.
    package var userID: Int64
    package var tokenID: Int64
    package var serverID: Int64
    package var path: String
    /// Of an upload: the octal mode, empty for the agent's default.
    package var mode: String
    package var createDirs: Bool
    /// Lower-case hex; empty: not asked.
    package var ifMatchSHA256: String
    /// The moment itself is still good.
    package var expiresAt: Date

    package init(
        direction: Direction, userID: Int64 = 0, tokenID: Int64 = 0, serverID: Int64, path: String, mode: String = "",
        createDirs: Bool = false, ifMatchSHA256: String = "", expiresAt: Date = .distantPast
    ) {
        self.direction = direction
        self.userID = userID
        self.tokenID = tokenID
        self.serverID = serverID
        self.path = path
        self.mode = mode
        self.createDirs = createDirs
        self.ifMatchSHA256 = ifMatchSHA256
        self.expiresAt = expiresAt
    }
}

extension TransferGrant {
    /// What the right to use it depends on; the same for many URLs of one token.
    var right: TransferGrant {
        TransferGrant(direction: direction, userID: userID, tokenID: tokenID, serverID: serverID, path: "")
    }

    /// Nanoseconds since 1970; what is signed, so that no two spellings of a moment differ.
    var expiryNanoseconds: Int64 { Int64((expiresAt.timeIntervalSince1970 * 1e9).rounded()) }

    /// Every field behind its length, so that no two grants have the same bytes whatever a path contains.
    func signedBytes(nonce: String) -> [UInt8] {
        var bytes: [UInt8] = []
        func add(_ field: some Sequence<UInt8>) {
            let field = Array(field)
            for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: field.count >> shift)) }
            bytes.append(contentsOf: field)
        }
        func add(_ number: Int64) {
            add(stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) })
        }
        add(nonce.utf8)
        add(direction.rawValue.utf8)
        add(userID)
        add(tokenID)
        add(serverID)
        add(path.utf8)
        add(mode.utf8)
        add(createDirs ? 1 : 0)
        add(ifMatchSHA256.utf8)
        add(expiryNanoseconds)
        return bytes
    }
}
