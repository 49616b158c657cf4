import HTTP
import Settings
import Storage

import struct FoundationEssentials.Date

/// Who uses a URL: whoever minted it, as they stand now, if they may still do what it allows (`mcp.md` 7.2). Knows no rule
/// of its own, only the words for those of others.
struct TransferAuthority: Sendable {
    let gate: AccessGate
    let identity: IdentityCache
    let tokens: any APITokenRepository
    let settings: any SettingsStore
    let now: @Sendable () -> Date

    /// - Returns: the minting principal.
    /// - Throws: ``TransferFault`` with the text of the first rule that does not hold.
    func principal(of grant: TransferGrant) async throws(TransferFault) -> Principal {
        guard settings.shared.value.enableMCP else { throw Self.refused(ToolFailure.mcpDisabled.message, .mcpDisabled) }
        let scope = grant.direction.scope
        // Read first: what changes from here on makes the live work check again.
        let (revision, row) = try await read(grant.tokenID)
        guard let row, row.userID == grant.userID else {
            throw Self.refused("originating api token no longer exists", .permissionDenied)
        }
        let token = TokenIdentity(row)
        if token.isExpired(at: now()) { throw Self.refused("originating api token expired", .scopeMissing(scope)) }
        let principal = Principal(
            user: identity.user(id: grant.userID).map(UserIdentity.init), credential: .token(token), revision: revision)
        do throws(ToolFailure) {
            try gate.checkAccess(.user([scope]), principal)
        } catch {
            guard case .scopeMissing = error else {
                throw Self.refused("originating user no longer exists", .permissionDenied)
            }
            throw Self.refused("originating api token no longer has required scope", error)
        }
        do throws(ServerRefusal) {
            _ = try identity.managed(server: grant.serverID, by: principal)
        } catch {
            switch error {
            case .notListed:
                throw Self.refused("originating api token no longer covers target server", .scopeMissing(scope))
            case .unknown: throw Self.refused("target server no longer exists", .permissionDenied)
            case .foreign:
                throw Self.refused("target server is no longer owned by the originating user", .permissionDenied)
            }
        }
        return principal
    }

    private func read(_ tokenID: Int64) async throws(TransferFault) -> (Int64, APITokenRecord?) {
        do {
            try await identity.refresh()
            let revision = identity.revision
            return (revision, try await tokens.token(id: tokenID))
        } catch {
            throw TransferFault(.internalServerError, ToolFailure.database.message, .database)
        }
    }

    private static func refused(_ text: String, _ failure: ToolFailure) -> TransferFault {
        TransferFault(.unauthorized, text, failure)
    }
}
