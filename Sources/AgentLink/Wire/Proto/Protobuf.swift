import CNezhaProto
import CProtobufC

/// The way between bytes and the structures of protobuf-c. Nothing of these leaves this folder.
enum Protobuf {
    /// A `State` with a few sensors fits; what is larger goes on the heap. So much is taken from the stack, and not more.
    private static let lentBytes = 1024

    /// What reading a message of `count` bytes may take from the heap: its texts once more, and as much for the
    /// structures of its entries as a long list of real ones needs; above 1 MiB never more than 16 times its size.
    static func budget(_ count: Int) -> Int {
        count + max(1 << 20, min(15 * count, 16 << 20))
    }

    typealias Unpack<Message> =
        (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) -> UnsafeMutablePointer<Message>?

    /// - Parameters:
    ///   - unpack: the generated function of the message.
    ///   - make: takes what is kept; the message is gone when it returns.
    static func read<Message, Value>(
        _ bytes: [UInt8], _ unpack: Unpack<Message>,
        _ make: (UnsafeMutablePointer<Message>) throws(ProtobufError) -> Value
    ) throws(ProtobufError) -> Value {
        let value: Result<Value, ProtobufError> = unsafe withUnsafeTemporaryAllocation(
            byteCount: lentBytes, alignment: 16
        ) { lent in
            var arena = unsafe ProtobufArena(lent: lent, budget: budget(bytes.count))
            return unsafe withUnsafeMutablePointer(to: &arena) { arena in
                unsafe read(bytes, unpack, in: arena, make)
            }
        }
        return try value.get()
    }

    private static func read<Message, Value>(
        _ bytes: [UInt8], _ unpack: Unpack<Message>, in arena: UnsafeMutablePointer<ProtobufArena>,
        _ make: (UnsafeMutablePointer<Message>) throws(ProtobufError) -> Value
    ) -> Result<Value, ProtobufError> {
        var allocator = unsafe ProtobufCAllocator(
            alloc: { arena, size in unsafe arena!.assumingMemoryBound(to: ProtobufArena.self).pointee.allocate(size) },
            free: { _, _ in }, allocator_data: arena)
        guard
            let message = unsafe bytes.withUnsafeBufferPointer({ unsafe unpack(&allocator, $0.count, $0.baseAddress) })
        else {
            return .failure(unsafe arena.pointee.isExhausted ? .tooManyEntries : .malformed)
        }
        do throws(ProtobufError) {
            return .success(unsafe try make(message))
        } catch {
            return .failure(error)
        }
    }

    /// - Parameters:
    ///   - message: made by the generated `init` function, so that it knows its own descriptor.
    static func write<Message>(
        _ message: inout Message, _ size: (UnsafePointer<Message>?) -> Int,
        _ pack: (UnsafePointer<Message>?, UnsafeMutablePointer<UInt8>?) -> Int
    ) -> [UInt8] {
        unsafe withUnsafePointer(to: &message) { message in
            let size = unsafe size(message)
            // The library would write the length into the one empty array that all threads share.
            guard size > 0 else { return [] }
            return unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                count = unsafe pack(message, buffer.baseAddress)
            }
        }
    }

    /// - Throws: ``ProtobufError/invalidUTF8``.
    static func text(_ data: ProtobufCBinaryData) throws(ProtobufError) -> String {
        let bytes = unsafe UnsafeBufferPointer(start: data.data, count: data.len)
        guard let text = unsafe String(validating: bytes, as: UTF8.self) else { throw .invalidUTF8 }
        return text
    }

    /// The first texts within ``ReportLimits/listLength`` and ``ReportLimits/listBytes``; the others are looked at, too.
    static func texts(
        _ count: Int, _ list: UnsafeMutablePointer<ProtobufCBinaryData>?
    ) throws(ProtobufError) -> [String] {
        var texts: [String] = []
        guard let list = unsafe list else { return [] }
        var left = ReportLimits.listBytes
        for index in 0..<count {
            let text = unsafe try text(list[index])
            guard left >= 0, texts.count < ReportLimits.listLength else { continue }
            let kept = ReportLimits.text(text)
            left -= kept.utf8.count
            if left >= 0 { texts.append(kept) }
        }
        return texts
    }

    /// Runs `body` with memory for what a message points to while it is written.
    static func withArena<Value>(_ body: (inout ProtobufArena) -> Value) -> Value {
        var arena = unsafe ProtobufArena(lent: UnsafeMutableRawBufferPointer(start: nil, count: 0), budget: .max)
        return body(&arena)
    }
}
