import HTTP
import Testing

@testable import GRPC

@Suite("Statuses, timeouts and content types")
struct StatusTests {
    @Test("there are seventeen codes, as numbered by gRPC")
    func codes() {
        #expect(GRPCStatus.Code.allCases.map(\.rawValue) == Array(0...16))
        #expect(GRPCStatus.Code.unavailable.rawValue == 14)
        #expect("\(GRPCStatus.Code.deadlineExceeded)" == "deadlineExceeded")
    }

    @Test("a status is the text that a log line shows")
    func text() {
        #expect("\(GRPCStatus(.unavailable, "lost", cause: "refused"))" == "unavailable: lost (refused)")
        #expect("\(GRPCStatus.ok)" == "ok")
    }

    @Test(
        "the message is percent-encoded, and comes back as it was",
        arguments: [
            ("plain text, with ~ and space", "plain text, with ~ and space"), ("100%", "100%25"), ("ä", "%C3%A4"),
            ("a\r\nb\u{0}", "a%0D%0Ab%00"), ("\u{7F}", "%7F"), ("🙂", "%F0%9F%99%82"),
        ])
    func encoding(text: String, coded: String) throws {
        let fields = GRPCStatus(.notFound, text).fields
        #expect(fields[.grpcStatus] == "5")
        #expect(fields[.grpcMessage] == coded)
        #expect(GRPCStatus(fields: fields) == GRPCStatus(.notFound, text))
    }

    @Test(
        "a damaged message is shown as it is",
        arguments: [
            ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("a%41%4", "aA%4"), ("%FF", "\u{FFFD}"), ("%e4%", "\u{FFFD}%"),
        ])
    func damaged(coded: String, text: String) {
        #expect(PercentEncoding.decode(coded) == text)
    }

    @Test("a status without a message has no field for it")
    func noMessage() {
        #expect(GRPCStatus.ok.fields == [.grpcStatus: "0"])
        #expect(GRPCStatus(fields: [:]) == nil)
    }

    @Test(
        "a status that is none is unknown",
        arguments: ["", "17", "-1", "+1", "x", "99999999999999999999", "٣", "0, 0"])
    func unknown(text: String) {
        #expect(GRPCStatus(fields: [.grpcStatus: text])?.code == .unknown)
    }

    @Test(
        "HTTP statuses stand for codes",
        arguments: [
            (400, GRPCStatus.Code.internalError), (401, .unauthenticated), (403, .permissionDenied),
            (404, .unimplemented), (429, .unavailable), (502, .unavailable), (503, .unavailable), (504, .unavailable),
            (500, .unknown), (302, .unknown),
        ])
    func http(status: Int, code: GRPCStatus.Code) {
        #expect(GRPCStatus(httpStatus: status).code == code)
    }

    @Test(
        "a timeout is one to eight digits and a unit",
        arguments: [
            ("1S", 1000), ("0m", 0), ("10m", 10), ("2M", 120_000), ("1H", 3_600_000), ("1500u", 2), ("1n", 1),
            ("1000001n", 2), ("99999999H", 359_999_996_400_000), ("00000001S", 1000),
        ] as [(String, UInt64)])
    func timeouts(text: String, milliseconds: UInt64) {
        #expect(GRPCTimeout(text)?.milliseconds == milliseconds)
    }

    @Test(
        "what is no timeout is refused",
        arguments: [
            "", "S", "1", "-1S", "+1S", "1 S", " 1S", "1s", "1h", "123456789S", "999999999999999999999H", "1.5S",
            "0x1S",
            "1S, 1S", "١S", "1SS", "∞S", "1\u{0}S",
        ])
    func notTimeouts(text: String) {
        #expect(GRPCTimeout(text) == nil)
    }

    @Test(
        "a timeout is told in the finest unit that eight digits hold",
        arguments: [
            (0, "0m"), (10_000, "10000m"), (99_999_999, "99999999m"), (100_000_000, "100000S"),
            (100_000_001, "100001S"), (.max, "99999999H"),
        ] as [(UInt64, String)])
    func timeoutTexts(milliseconds: UInt64, text: String) {
        #expect(GRPCTimeout(milliseconds: milliseconds).text == text)
    }

    @Test("durations are rounded up to milliseconds")
    func durations() {
    }

    @Test(
        "the content type tells a call",
        arguments: [
            ("application/grpc", GRPCContentType.protobuf), ("application/grpc+proto", .protobuf),
            ("Application/GRPC", .protobuf), ("application/grpc; charset=utf-8", .protobuf),
            ("application/grpc ;x", .protobuf), ("application/grpc+json", .unsupported),
            ("application/grpc+", .unsupported),
            ("application/grpc-web", .other), ("application/grpcx", .other), ("application/json", .other), ("", .other),
            (nil, .other),
        ] as [(String?, GRPCContentType)])
    func contentTypes(text: String?, type: GRPCContentType) {
        #expect(GRPCContentType(text) == type)
    }
}
