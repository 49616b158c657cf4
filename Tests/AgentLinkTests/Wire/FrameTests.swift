import Testing

@testable import AgentLink

@Suite("Stream frames")
struct FrameTests {
    @Test("the attach frame has the golden bytes and nothing else attaches")
    func attach() {
        let golden = bytes("ff 05 ff 05 73 74 72 65 61 6d 2d 37")
        #expect(StreamAttachFrame.encode(streamID: "stream-7") == golden)
        #expect(StreamAttachFrame.streamID(in: golden) == "stream-7")
        #expect(StreamAttachFrame.streamID(in: []) == nil)
        #expect(StreamAttachFrame.streamID(in: bytes("ff05ff05")) == nil)
        #expect(StreamAttachFrame.streamID(in: bytes("ff05ff0673")) == nil)
        #expect(StreamAttachFrame.streamID(in: bytes("ff05ff05c328")) == nil)
        let long = StreamAttachFrame.encode(streamID: String(repeating: "x", count: 129))
        #expect(StreamAttachFrame.streamID(in: long) == nil)
    }

    @Test("terminal frames have the golden bytes")
    func terminal() throws {
        let size = try #require(TerminalSize(columns: 80, rows: 24))
        let golden = bytes("017b22436f6c73223a38302c22526f7773223a32347d")
        #expect(TerminalFrame.resize(size).bytes == golden)
        #expect(TerminalFrame(golden) == .resize(size))
        #expect(TerminalFrame(bytes("00 6c 73 0a")) == .input(Array("ls\n".utf8)))
        #expect(TerminalFrame.input(Array("ls\n".utf8)).bytes == bytes("00 6c 73 0a"))
        #expect(TerminalFrame([0]) == .input([]))
        #expect(TerminalFrame([]) == nil)
        #expect(TerminalFrame([2, 1]) == nil)
        #expect(TerminalFrame([1] + Array("{}".utf8)) == nil)
        #expect(TerminalFrame([1] + Array(#"{"Cols":80.5,"Rows":24}"#.utf8)) == nil)
    }

    @Test(
        "unbounded resize values: only 2-1000 by 2-500 is a size",
        arguments: [
            (1, 24, false), (2, 2, true), (1000, 500, true), (1001, 500, false), (80, 1, false), (80, 501, false),
            (-1, 24, false), (Int.max, 24, false),
        ])
    func resizeBounds(columns: Int, rows: Int, accepted: Bool) {
        #expect((TerminalSize(columns: columns, rows: rows) != nil) == accepted)
        let frame: [UInt8] = [1] + Array(#"{"Cols":\#(columns),"Rows":\#(rows)}"#.utf8)
        #expect((TerminalFrame(frame) != nil) == accepted)
    }

    @Test("long input repeats the tag in every piece")
    func splitInput() {
        #expect(TerminalFrame.inputFrames([1, 2, 3, 4, 5], limit: 2) == [[0, 1, 2], [0, 3, 4], [0, 5]])
        #expect(TerminalFrame.inputFrames([]).isEmpty)
    }

    @Test("file manager commands have the golden bytes")
    func fileManagerCommands() throws {
        let upload = bytes("0200000000000000032f746d702f61")
        #expect(FileManagerCommand.upload(size: 3, path: "/tmp/a").bytes == upload)
        #expect(try FileManagerCommand(upload) == .upload(size: 3, path: "/tmp/a"))
        #expect(try FileManagerCommand(bytes("00 2f")) == .list(path: "/"))
        #expect(FileManagerCommand.list(path: "/").bytes == bytes("00 2f"))
        #expect(try FileManagerCommand(bytes("01 2f61")) == .download(path: "/a"))
        #expect(FileManagerCommand.download(path: "/a").bytes == bytes("01 2f61"))
        #expect(try FileManagerCommand([]) == nil)
        #expect(try FileManagerCommand([3, 0]) == nil)
        #expect(throws: InvalidFileManagerFrame.self) { try FileManagerCommand([2, 0, 0]) }
        // Paths are bytes, of any encoding, but none has a zero byte.
        #expect(try FileManagerCommand([0, 0xC3, 0x28]) == .list(path: [0xC3, 0x28]))
        #expect(throws: InvalidFileManagerFrame.self) { try FileManagerCommand([0, 0x2F, 0, 0x61]) }
    }

    @Test("file manager replies have the golden bytes")
    func fileManagerReplies() throws {
        let listing = bytes("4e5a464e 00000009 776972652d6c697374 000161 010164")
        let reply = FileManagerReply.listing(
            path: "wire-list",
            entries: [.init(isDirectory: false, name: "a"), .init(isDirectory: true, name: "d")])
        #expect(reply.bytes == listing)
        #expect(try FileManagerReply(listing) == reply)
        for (reply, hex) in [
            (FileManagerReply.download(size: 5), "4e5a5444 0000000000000005"),
            (.uploaded, "4e5a5550"),
            (.error("bad"), "4e455252 626164"),
        ] {
            #expect(reply.bytes == bytes(hex))
            #expect(try FileManagerReply(bytes(hex)) == reply)
        }
        #expect(try FileManagerReply(bytes("00112233")) == nil)
        for broken in [
            "4e5a464e", "4e5a464e ffffffff 61", "4e5a464e 00000000 00", "4e5a464e 00000000 0005 61", "4e5a5444 00",
        ] {
            #expect(throws: InvalidFileManagerFrame.self) { try FileManagerReply(bytes(broken)) }
        }
        let long = FileManagerReply.Entry(isDirectory: false, name: [UInt8](repeating: 0x61, count: 256))
        #expect(FileManagerReply.listing(path: "", entries: [long]).bytes == bytes("4e5a464e 00000000"))
    }

    @Test("transfer frames have the golden bytes")
    func transfer() throws {
        let hash = bytes("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        for (frame, hex) in [
            (TransferFrame.chunk([0xAA, 0xBB, 0xCC]), "4e5a54430000000000000003aabbcc"),
            (
                .done(size: 3, sha256: hash),
                "4e5a544f0000000000000003ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            ),
            (.error("bad"), "4e5a5445626164"),
            (.uploadReady(size: 3), "4e5a54550000000000000003"),
            (.downloadBegins(size: 0), "4e5a54440000000000000000" + String(repeating: "00", count: 32)),
        ] {
            #expect(frame.bytes == bytes(hex))
            #expect(try TransferFrame(bytes(hex)) == frame)
        }
        #expect(TransferFrame.uploadReady(size: 0x0102_0304_0506_0708).bytes == bytes("4e5a54550102030405060708"))
    }

    @Test(
        "sizes are compared unsigned before they are used",
        arguments: [
            ("06400000", nil), ("06400001", 104_857_601),
        ] as [(String, UInt64?)])
    func transferSizes(low: String, refused: UInt64?) throws {
        let frame = bytes("4e5a5455 00000000" + low)
        if let refused {
            #expect(throws: TransferFrameError.tooLarge(refused)) { try TransferFrame(frame) }
        } else {
            #expect(try TransferFrame(frame) == .uploadReady(size: TransferFrame.maxSize))
        }
        #expect(throws: TransferFrameError.tooLarge(.max)) { try TransferFrame(bytes("4e5a5455 ffffffffffffffff")) }
        #expect(throws: TransferFrameError.tooLarge(1 << 63)) {
            try TransferFrame(bytes("4e5a5443 8000000000000000 00"))
        }
    }

    @Test(
        "a transfer message of the wrong length or magic is refused",
        arguments: [
            ("4e5a5455", TransferFrameError.wrongLength),
            ("4e5a54550000000000000003ff", .wrongLength),
            ("4e5a54440000000000000003", .wrongLength),
            ("4e5a54430000000000000000", .wrongLength),
            ("4e5a54430000000000000002aa", .wrongLength),
            ("4e5a54430000000000000001aabb", .wrongLength),
            ("4e5a544f0000000000000003", .wrongLength),
            ("4e5a54", .unknownMagic),
            ("00000000", .unknownMagic),
            ("", .unknownMagic),
        ])
    func transferMalformed(hex: String, error: TransferFrameError) {
        #expect(throws: error) { try TransferFrame(bytes(hex)) }
    }

    @Test("a chunk whose payload looks like an error is data")
    func chunkIsData() throws {
        #expect(try TransferFrame(bytes("4e5a54430000000000000004 4e5a5445")) == .chunk([0x4E, 0x5A, 0x54, 0x45]))
    }
}

extension FileManagerCommand {
    static func list(path: String) -> Self { .list(path: Array(path.utf8)) }
    static func download(path: String) -> Self { .download(path: Array(path.utf8)) }
    static func upload(size: UInt64, path: String) -> Self { .upload(size: size, path: Array(path.utf8)) }
}

extension FileManagerReply {
    static func listing(path: String, entries: [Entry]) -> Self { .listing(path: Array(path.utf8), entries: entries) }
}
