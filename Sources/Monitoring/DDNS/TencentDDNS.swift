import HTTP
import JSON
import Outbound
import Primitives
import Secrets

import struct FoundationEssentials.Date

/// Tencent Cloud's DNSPod API 2021-03-23, signed by TC3-HMAC-SHA256 (`engines.md` 7).
struct TencentDDNS: DDNSProvider {
    static let usualBase = "https://dnspod.tencentcloudapi.com/"
    private static let service = "dnspod"
    private static let version = "2021-03-23"

    let id: String
    let key: String
    var base = usualBase
    /// What is signed as `Host`.
    var host = "dnspod.tencentcloudapi.com"
    let now: @Sendable () -> Date

    func set(_ record: DDNSRecord, by client: OutboundClient) async throws(DDNSError) {
        let zone = try await zone(of: record, client)
        let name = record.name(in: zone)
        let found = try await call(
            "DescribeRecordList",
            ["Domain": .string(zone), "Subdomain": .string(name), "RecordType": .string(record.kind.rawValue)], client,
            missing: "ResourceNotFound.NoDataOfRecord")
        var body: JSONObject = [
            "Domain": .string(zone), "SubDomain": .string(name), "RecordType": .string(record.kind.rawValue),
            "RecordLine": "默认", "Value": .string(record.address), "TTL": .integer(DDNSRecord.lifetime),
        ]
        if let record = found?["RecordList"]?.arrayValue?.first?["RecordId"]?.int64Value {
            body["RecordId"] = .integer(record)
            _ = try await call("ModifyRecord", body, client)
        } else {
            _ = try await call("CreateRecord", body, client)
        }
    }

    private func zone(of record: DDNSRecord, _ client: OutboundClient) async throws(DDNSError) -> String {
        for zone in record.zones {
            let found = try await call(
                "DescribeDomain", ["Domain": .string(zone)], client, missing: "InvalidParameterValue.DomainNotExists",
                "ResourceNotFound.NoDataOfDomain", "InvalidParameter.DomainInvalid",
                "OperationDenied.NoPermissionToOperateDomain")
            if found != nil { return zone }
        }
        throw .noZone
    }

    /// - Parameter missing: codes of errors that mean that there is no such thing.
    /// - Returns: `Response`; `nil` for what is missing.
    private func call(
        _ action: String, _ body: JSONObject, _ client: OutboundClient, missing: String...
    ) async throws(DDNSError) -> JSONValue? {
        let payload = JSONValue.object(body).serialized()
        let time = Int64(now().timeIntervalSince1970)
        var request = OutboundClient.Request(.post, url: base, body: payload)
        request.headers[.contentType] = Self.contentType
        request.headers[.authorization] = authorization(payload, action, at: time)
        for (name, value) in [
            ("X-TC-Action", action), ("X-TC-Timestamp", "\(time)"), ("X-TC-Version", Self.version),
        ] {
            if let field = HTTPField.Name(name) { request.headers[field] = value }
        }
        let bytes = try await client.answer(request)
        guard let answer = (try? JSONParser.parse(bytes))?["Response"] else { throw .malformed }
        guard let code = answer["Error"]?["Code"]?.stringValue else { return answer }
        if missing.contains(where: { $0.utf8.elementsEqual(code.utf8) }) { return nil }
        throw .failed("the service refused: \(code.cut(toBytes: 64))")
    }

    private static let contentType = "application/json; charset=utf-8"

    /// The signature of version 3: the request, then the day, service and key one after the other.
    func authorization(_ payload: [UInt8], _ action: String, at time: Int64) -> String {
        let date = CivilTime(local: time)
        let day = "\(date.year)-\(date.month.padded())-\(date.day.padded())"
        let names = "content-type;host;x-tc-action"
        let lower = String(decoding: action.utf8.asciiLowercased, as: UTF8.self)
        let canonical = """
            POST
            /

            content-type:\(Self.contentType)
            host:\(host)
            x-tc-action:\(lower)

            \(names)
            \(SHA256Digest.hex(payload))
            """
        let scope = "\(day)/\(Self.service)/tc3_request"
        let text = "TC3-HMAC-SHA256\n\(time)\n\(scope)\n\(SHA256Digest.hex(Array(canonical.utf8)))"
        var signing = Array("TC3\(key)".utf8)
        for part in [day, Self.service, "tc3_request"] {
            signing = HMACSHA256.code(key: signing, message: Array(part.utf8))
        }
        let signature = Hex.encode(HMACSHA256.code(key: signing, message: Array(text.utf8)))
        return "TC3-HMAC-SHA256 Credential=\(id)/\(scope), SignedHeaders=\(names), Signature=\(signature)"
    }
}
