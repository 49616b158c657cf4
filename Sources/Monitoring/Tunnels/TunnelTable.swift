import Primitives
package import Storage

/// Which rule a `Host` belongs to (`engines-details.md` 8): the whole text first, then without a port; letters of any case
/// are the same. Of rules for the same host, which only old rows are, the one that is written so comes first, then the
/// oldest. Pure.
package struct TunnelTable: Sendable {
    private var byID: [Int64: Owned<NATForm>] = [:]
    /// Each list by its ids.
    private var byHost: [[UInt8]: [Int64]] = [:]

    package init() {}

    package mutating func set(_ row: Owned<NATForm>) {
        remove(row.id)
        byID[row.id] = row
        let host = row.form.domain.utf8.asciiLowercased
        if !host.isEmpty { byHost[host] = (byHost[host, default: []] + [row.id]).sorted() }
    }

    package mutating func remove(_ id: Int64) {
        guard let row = byID.removeValue(forKey: id) else { return }
        let host = row.form.domain.utf8.asciiLowercased
        byHost[host]?.removeAll { $0 == id }
        if byHost[host]?.isEmpty ?? false { byHost[host] = nil }
    }

    package func rule(host: String) -> Owned<NATForm>? {
        guard !byHost.isEmpty, host.utf8.count <= 512 else { return nil }
        let whole = host.utf8.asciiLowercased
        if let ids = byHost[whole] { return rule(of: ids, written: Array(host.utf8)[...]) }
        guard whole.first != UInt8(ascii: "["), let colon = whole.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        return byHost[Array(whole[..<colon])].flatMap { rule(of: $0, written: Array(host.utf8)[..<colon]) }
    }

    private func rule(of ids: [Int64], written host: ArraySlice<UInt8>) -> Owned<NATForm>? {
        let rules = ids.compactMap { byID[$0] }
        return rules.first { $0.form.domain.utf8.elementsEqual(host) } ?? rules.first
    }
}
