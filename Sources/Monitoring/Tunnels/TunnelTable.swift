import Primitives
package import Storage

/// Which rule a `Host` belongs to (`engines-details.md` 8): the whole text first, then without a port; letters of any case
/// are the same. Pure.
package struct TunnelTable: Sendable {
    private var byID: [Int64: Owned<NATForm>] = [:]
    private var byHost: [[UInt8]: Int64] = [:]

    package init() {}

    package mutating func set(_ row: Owned<NATForm>) {
        remove(row.id)
        byID[row.id] = row
        let host = row.form.domain.utf8.asciiLowercased
        if !host.isEmpty { byHost[host] = row.id }
    }

    package mutating func remove(_ id: Int64) {
        guard let row = byID.removeValue(forKey: id) else { return }
        let host = row.form.domain.utf8.asciiLowercased
        if byHost[host] == id { byHost[host] = nil }
    }

    package func rule(host: String) -> Owned<NATForm>? {
        guard !byHost.isEmpty, host.utf8.count <= 512 else { return nil }
        let whole = host.utf8.asciiLowercased
        if let id = byHost[whole] { return byID[id] }
        guard whole.first != UInt8(ascii: "["), let colon = whole.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        return byHost[Array(whole[..<colon])].flatMap { byID[$0] }
    }
}
