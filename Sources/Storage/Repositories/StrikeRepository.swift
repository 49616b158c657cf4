/// Strikes of the web application firewall (`engines.md` 9).
package protocol StrikeRepository: Sendable {
    func strikes() async throws -> [StrikeRecord]
    /// Inserts or replaces the row of (ip, identifier).
    func put(_ strike: StrikeRecord) async throws
    func delete(ip: String, identifier: Int64) async throws
    func delete(ips: [String]) async throws
}
