import FuzzSupport
import Testing

@testable import AgentLink

@Suite("Fuzzing: what agents and gateways send each other", .timeLimit(.minutes(10)))
struct WireFuzzTests {
    private static let messages: [[UInt8]] = {
        let host = HostInfo(
            platform: "debian", platformVersion: "12", cpu: ["a", "b"], memTotal: 1, diskTotal: 2, swapTotal: 3,
            arch: "x86_64", virtualization: "kvm", bootTime: 4, version: "v2.1.0", gpu: ["g"])
        let geoIP = GeoIPMessage(GeoIPInfo(ipv4: "192.0.2.1", ipv6: "2001:db8::1"), use6: true)
        return [
            HostState.everyFieldSet.protobuf(), host.protobuf(), geoIP.protobuf(),
            AgentTask(id: 9, type: .exec, data: "{\"a\": \"\u{E9}\"}").protobuf(),
            AgentTaskResult(id: 1, type: .exec, reply: .init(data: "{}", successful: true, delay: 1)).protobuf(),
            IOStreamFrame(StreamAttachFrame.encode(streamID: "stream-7")).protobuf(), IOStreamFrame([]).protobuf(),
            Receipt(isProcessed: true).protobuf(), StartReceipt(startedAt: 1_700_000_000).protobuf(),
        ]
    }()

    private static let words: [[UInt8]] = [
        [0x0A, 0], [0x82, 1, 0], [0x1A, 0], [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0x80, 0x80, 0x80, 0x80, 0x80, 1],
        [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 7], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0x0B], [0x0C], [0], [0xFF],
        [0, 0, 0, 0, 0, 0, 0xF8, 0x7F], [0x1A, 2, 0xC3, 0xA9],
    ]

    /// What was read is read again from what is written, the same.
    /// - Returns: whether it was read.
    private static func check<Message: ProtobufMessage & Equatable>(_ type: Message.Type, _ bytes: [UInt8]) -> Bool {
        let message: Message
        do throws(ProtobufError) { message = try Message(protobuf: bytes) } catch { return false }
        let written = message.protobuf()
        do throws(ProtobufError) {
            // As bytes, for NaN is no number equal to itself.
            let again = try Message(protobuf: written)
            #expect(again.protobuf() == written, "\(type) \(bytes)")
        } catch {
            Issue.record("what was written is not read: \(error) \(type) \(bytes)")
        }
        return true
    }

    @Test("messages of every kind are read or refused, and come out of what is written as they were")
    func messages() {
        var fuzzer = Fuzzer(corpus: Self.messages, words: Self.words)
        var read = 0
        let tried = fuzzer.run(20_000) { bytes, _ in
            let results = [
                Self.check(HostState.self, bytes), Self.check(HostInfo.self, bytes),
                Self.check(GeoIPMessage.self, bytes),
                Self.check(AgentTask.self, bytes), Self.check(AgentTaskResult.self, bytes),
                Self.check(Receipt.self, bytes),
                Self.check(StartReceipt.self, bytes), Self.check(IOStreamFrame.self, bytes),
            ]
            read += results.contains(true) ? 1 : 0
        }
        #expect(read > tried / 20, "too few of the inputs are messages for this to say much")
    }

    private static let frames: [[UInt8]] = {
        let size: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 3]
        let listing: [UInt8] =
            Array("NZFN".utf8) + [0, 0, 0, 2] + Array("/a".utf8) + [1, 3] + Array("dir".utf8) + [0, 1, 0x62]
        let transfers = ["NZTU", "NZTD", "NZTC", "NZTO"].map { Array($0.utf8) + size + [1, 2, 3] }
        return transfers + [
            FileManagerCommand.list(path: "/tmp").bytes, FileManagerCommand.download(path: "/\u{E9}").bytes,
            FileManagerCommand.upload(size: 3, path: "/x").bytes, listing, Array("NZTE".utf8) + Array("no".utf8),
            Array("NZTD".utf8) + size, Array("NZUP".utf8), Array("NERR".utf8) + [0xC3, 0x28],
            Array("NZTO".utf8) + size + [UInt8](repeating: 7, count: 32), StreamAttachFrame.encode(streamID: "s"),
        ]
    }()

    @Test("frames of the file manager and of transfers are read or refused; what was read is written as it came")
    func frames() throws {
        var fuzzer = Fuzzer(corpus: Self.frames, words: [[0xFF], [0x7F, 0xFF], [0, 0, 0, 0], [0xC3, 0x28]])
        var read = 0
        let tried = fuzzer.run(20_000) { bytes, _ in
            if let command = try? FileManagerCommand(bytes) {
                read += 1
                #expect((try? FileManagerCommand(command.bytes)) == command, "\(bytes)")
            }
            if let frame = try? TransferFrame(bytes) {
                read += 1
                #expect((try? TransferFrame(frame.bytes)) == frame, "\(bytes)")
                if case .chunk(let chunk) = frame {
                    #expect(chunk.count == bytes.count - TransferFrame.chunkHeaderLength)
                }
            }
            guard let reply = try? FileManagerReply(bytes) else { return }
            read += 1
            #expect((try? FileManagerReply(reply.bytes)) == reply, "\(bytes)")
            // A name has two bytes of its own at least.
            if case .listing(_, let entries) = reply { #expect(entries.count * 2 <= bytes.count) }
        }
        #expect(read > tried / 20, "too few of the inputs are frames for this to say much")
    }
}
