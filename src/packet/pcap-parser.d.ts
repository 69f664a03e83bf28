/** The part of pcap-parser 0.2.1 that pcap.ts uses; the package brings no types. */
declare module 'pcap-parser' {
  /** What the parser asks of its input stream. */
  export interface Source {
    pause(): void;
    resume(): void;
    on(event: string, handler: (data: Uint8Array) => void): void;
  }

  export interface GlobalHeader {
    readonly majorVersion: number;
    readonly minorVersion: number;
    readonly snapshotLength: number;
    readonly linkLayerType: number;
  }

  export interface PacketHeader {
    readonly timestampSeconds: number;
    readonly timestampMicroseconds: number;
    readonly capturedLength: number;
    readonly originalLength: number;
  }

  export interface Parser {
    on(event: 'globalHeader', handler: (header: GlobalHeader) => void): this;
    on(
      event: 'packet',
      handler: (packet: { readonly header: PacketHeader; readonly data: Uint8Array }) => void,
    ): this;
    on(event: 'error', handler: (error: Error) => void): this;
  }

  export function parse(source: Source): Parser;
}
