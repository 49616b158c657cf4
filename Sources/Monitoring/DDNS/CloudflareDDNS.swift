import HTTP
import JSON
import Outbound
import Primitives

/// Cloudflare's API v4 by a token (`engines.md` 7). The zone is the longest that the token sees.
struct CloudflareDDNS: DDNSProvider {
    static let usualBase = "https://api.cloudflare.com/client/v4"

    let token: String
    var base = usualBase

    func set(_ record: DDNSRecord, by client: OutboundClient) async throws(DDNSError) {
        let zone = try await zone(of: record, client)
        let found = try await call(
            .get, "/zones/\(zone)/dns_records?type=\(record.kind.rawValue)&name=\(PercentCode.form(record.domain))",
            nil, client)
        let body: JSONValue = [
            "type": .string(record.kind.rawValue), "name": .string(record.domain), "content": .string(record.address),
            "ttl": .integer(DDNSRecord.lifetime),
        ]
        if let id = found.arrayValue?.first?["id"]?.stringValue {
            _ = try await call(.patch, "/zones/\(zone)/dns_records/\(PercentCode.form(id))", body, client)
        } else {
            _ = try await call(.post, "/zones/\(zone)/dns_records", body, client)
        }
    }

    private func zone(of record: DDNSRecord, _ client: OutboundClient) async throws(DDNSError) -> String {
        for zone in record.zones {
            let found = try await call(.get, "/zones?name=\(PercentCode.form(zone))", nil, client)
            if let id = found.arrayValue?.first?["id"]?.stringValue { return PercentCode.form(id) }
        }
        throw .noZone
    }

    /// - Returns: `result` of an answer that says `success`.
    private func call(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue?, _ client: OutboundClient
    ) async throws(DDNSError) -> JSONValue {
        var request = OutboundClient.Request(method, url: base + path, body: body?.serialized())
        request.headers[.authorization] = "Bearer \(token)"
        if body != nil { request.headers[.contentType] = "application/json" }
        let bytes = try await client.answer(request)
        guard let answer = try? JSONParser.parse(bytes), answer["success"]?.boolValue == true,
            let result = answer["result"]
        else { throw .malformed }
        return result
    }
}

/// Hurricane Electric's dynamic DNS: one call, by the key of the name (`engines.md` 7).
struct HurricaneDDNS: DDNSProvider {
    static let usualBase = "https://dyn.dns.he.net/nic/update"

    let key: String
    var base = usualBase

    func set(_ record: DDNSRecord, by client: OutboundClient) async throws(DDNSError) {
        let fields = [("hostname", record.domain), ("password", key), ("myip", record.address)]
        var request = OutboundClient.Request(
            .post, url: base, body: Array(PercentCode.form(fields).utf8))
        request.headers[.contentType] = "application/x-www-form-urlencoded"
        let answer = try await client.answer(request)
        guard answer.starts(with: "good".utf8) || answer.starts(with: "nochg".utf8) else {
            throw .failed("the service did not accept the address")
        }
    }
}
