import Primitives
import Storage

extension IdentityCache {
    /// The servers that a caller may manage, in list order: their own, or all for an administrator, narrowed by the
    /// token's server list. Every list of servers is made here (`security.md`: one visibility function).
    func servers(visibleTo principal: Principal) -> [ServerRecord] {
        // Most lists are asked for by those who see all of it; that costs no copy.
        principal.managesEveryServer ? servers : servers.filter { principal.manages($0) }
    }
}

extension IdentityCache {
    /// Whether the caller may manage this server; no when there is none.
    func mayManage(server id: Int64, _ principal: Principal) -> Bool {
        (try? managed(server: id, by: principal)) != nil
    }

    /// The servers of a list that exist, each once. One that is not the caller's refuses the list; one that the token
    /// does not name refuses it whether it exists or not (`rest-details.md` 4 and 6).
    func manageable(_ ids: [Int64], _ principal: Principal) throws(ToolFailure) -> [Int64] {
        var found: [Int64] = []
        for id in ids.unique {
            do throws(ServerRefusal) {
                _ = try managed(server: id, by: principal)
                found.append(id)
            } catch {
                if error != .unknown { throw .permissionDenied }
            }
        }
        return found
    }
}

extension String {
    /// `nil` where answers leave an empty text out.
    var nonEmpty: String? { isEmpty ? nil : self }
}

extension Array where Element: Identifiable<Int64> {
    /// What `?id=1,2` selects of a list (`rest-details.md` 1): in the order asked for, and all of it where nothing matches.
    /// The list holds what the caller may see and nothing else.
    /// - Parameter isStrict: nothing where nothing matches, as callers who are no pages expect.
    func selected(_ ids: [Int64]?, isStrict: Bool = false) -> Self {
        guard let ids, !ids.isEmpty else { return self }
        let byID = Dictionary(map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let found = ids.compactMap { byID[$0] }
        return found.isEmpty && !isStrict ? self : found
    }
}

extension Array {
    /// `nil` where answers leave an empty list out.
    var nonEmpty: Array? { isEmpty ? nil : self }
}
