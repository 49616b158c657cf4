import HTTP
import Storage

import struct FoundationEssentials.Date

/// Whether the one who minted a URL may still do what it allows, read anew at each use (`mcp.md` 7.2).
struct TransferAuthority: Sendable {
    let identity: IdentityCache
    let tokens: any APITokenRepository
    let settings: any SettingsStore
    let now: @Sendable () -> Date

    /// - Returns: the minting principal as it stands now.
    /// - Throws: ``TransferFault`` with the text of the first rule that does not hold.
    func revalidate(_ grant: TransferGrant) async throws(TransferFault) -> Principal {
        guard settings.current.enableMCP else { throw Self.refused(ToolFailure.mcpDisabled.message, .mcpDisabled) }
        let scope = grant.direction.scope
        // Read first: what changes from here on makes the live work check again.
        let (revision, row) = try await read(grant.tokenID)
        guard let row, row.userID == grant.userID else {
            throw Self.refused("originating api token no longer exists", .permissionDenied)
        }
        let token = TokenIdentity(row)
        if token.isExpired(at: now()) { throw Self.refused("originating api token expired", .scopeMissing(scope)) }
        guard token.grants(scope) else {
            throw Self.refused("originating api token no longer has required scope", .scopeMissing(scope))
        }
        guard token.lists(server: grant.serverID) else {
            throw Self.refused("originating api token no longer covers target server", .scopeMissing(scope))
        }
        guard let server = identity.server(id: grant.serverID) else {
            throw Self.refused("target server no longer exists", .permissionDenied)
        }
        guard let user = identity.user(id: grant.userID) else {
            throw Self.refused("originating user no longer exists", .permissionDenied)
        }
        let principal = Principal(user: UserIdentity(user), credential: .token(token), revision: revision)
        guard principal.owns(resourceOf: server.userID) else {
            throw Self.refused("target server is no longer owned by the originating user", .permissionDenied)
        }
        return principal
    }

    /// The same rules for a transfer that runs; `principal` is as it stands now.
    func allows(_ grant: TransferGrant, _ principal: Principal) -> Bool {
        guard let token = principal.token, token.grants(grant.direction.scope), token.lists(server: grant.serverID),
            let server = identity.server(id: grant.serverID)
        else { return false }
        return principal.owns(resourceOf: server.userID)
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
