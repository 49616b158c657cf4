import Storage

/// The servers that a resource is about.
package enum ServerReach: Sendable, Hashable {
    /// These.
    case only([Int64])
    /// Whatever its owner may reach, but not these.
    case allBut([Int64])

    /// As monitors and alert rules say it: with cover 0 all but the marked servers, with 1 only those.
    init(marks: IDMap<Bool>, cover: Int64) {
        let marked = marks.marked.sorted()
        self = cover == 0 ? .allBut(marked) : .only(marked)
    }
}

extension IdentityCache {
    /// Whether the server list of a token covers all that a resource of this owner is about (`rest-details.md` 6).
    package func covers(_ reaches: [ServerReach], of owner: Int64, _ token: TokenIdentity?) -> Bool {
        guard let token, !token.serverIDs.isEmpty else { return true }
        return reaches.allSatisfy { reach in
            switch reach {
            case .only(let ids): return ids.allSatisfy { token.lists(server: $0) }
            case .allBut(let excluded):
                let excluded = Set(excluded)
                return servers.allSatisfy { server in
                    token.lists(server: server.id) || excluded.contains(server.id)
                        || !self.reaches(server, owner: owner)
                }
            }
        }
    }
}
